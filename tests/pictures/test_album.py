"""All pictures in one folder, and a word where Korean letters are missing."""

from yeonma.pictures import album


def test_every_figure_and_the_page_are_written(tmp_path, monkeypatch):
    every = album.figures
    monkeypatch.setattr(album, "figures", lambda chosen: {"family": every(chosen)["family"]})
    monkeypatch.setattr(album, "hangul_font", lambda: None)
    said = []
    written = album.write_pictures(tmp_path / "new", lambda *call: said.append(call))
    assert [path.name for path in written] == ["family.svg", "family.png", "optimizers.html"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in written)
    assert [what for what, _, _, unit in said if not unit] == [
        "No installed font has Korean letters, so the PNG files speak English alone."
    ]
    assert ("pictures", 1, 1, "pictures") in said
