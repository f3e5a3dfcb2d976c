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
# Half as wide and in float32, so that it can be run on any processor.
spoonful sweep experiment=$name trainer.epochs=12 trainer.precision=float32 \
    'model.num_filters=[16,32,64]'
spoonful compare compare.sweep=$name compare.publish=experiments/$name
python experiments/$name/precision.py
spoonful train experiment=$name
spoonful evaluate
python experiments/$name/tables.py
