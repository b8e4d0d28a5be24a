"""Settings that come with yeonma, one TOML file each."""
