#!/bin/sh
# All of it: MNIST's data, what the recipe is chosen by, the recipe, its test, and the tables.
# SPOONFUL_MIRROR=FOLDER reads MNIST's four files from there.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH
name=recipe
for stage in fetch split pack; do
    spoonful $stage experiment=$name
done
spoonful sweep experiment=$name trainer.epochs=8
spoonful compare compare.sweep=$name compare.publish=experiments/$name
spoonful sweep experiment=$name trainer.epochs=3 sweep.run_name=${name}_precision \
    trainer=augmented_digits optimizer/schedule=warmup_cosine \
    trainer.precision=float32,mixed_bfloat16
spoonful compare compare.sweep=${name}_precision compare.publish=experiments/$name
spoonful train experiment=$name
spoonful evaluate
python experiments/$name/tables.py
