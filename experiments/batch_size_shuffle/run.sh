#!/bin/sh
# All of it: MNIST's data, the sweep, `block` over mixed stores, one corner with the article's network, and the tables.
# An interrupted sweep is gone on with, one that has finished is trained again.
# SPOONFUL_MIRROR=FOLDER reads MNIST's four files from there.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH
name=batch_size_shuffle
for stage in fetch split pack; do
    spoonful $stage experiment=$name
done
spoonful sweep experiment=$name
spoonful compare compare.sweep=$name compare.publish=experiments/$name
spoonful pack experiment=$name pack.order=mixed
spoonful sweep experiment=$name sweep.run_name=${name}_mixed pack.order=mixed generator.shuffle=block
spoonful compare compare.sweep=${name}_mixed compare.publish=experiments/$name
spoonful pack experiment=$name
spoonful sweep experiment=$name sweep.run_name=${name}_article \
    'model.num_filters=[32,64]' model.num_units=128 optimizer.learning_rate_scaling=none \
    generator.batch_size=64,1024 generator.shuffle=none,full seed=0,1
spoonful compare compare.sweep=${name}_article compare.publish=experiments/$name
