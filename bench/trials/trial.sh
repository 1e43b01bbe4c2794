#!/usr/bin/env bash
# One trial: train, infer, evaluate, on one thread, with the CPU-seconds of the training (the plugin's included).
#
#   bench/trials/trial.sh sim|star SEED [flags of ptycho train]
#
# sim trains on one half of ../shared/data/sim_lines_64.npz and judges the other; star trains on the measured scan and
# compares with its ePIE image on rows and columns 110 … 349, ramp removed. Files go to TRIALS (default: trials).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
kind=$1 seed=$2
shift 2
data=../shared/data out=${TRIALS:-trials}/$kind-$seed
case $kind in
sim) scan=$data/sim_lines_64.npz reference=$scan train=(--rows split=0) infer=(--rows split=1) judge=(--rows split=1) ;;
star)
  scan=$data/siemens_star_aps_velociprobe_ptychopinn.npz reference=$data/siemens_star_aps_velociprobe.npz
  train=() infer=() judge=(--ramp --box 110 349 110 349)
  ;;
*)
  echo "trial.sh: $kind is neither sim nor star" >&2
  exit 10
  ;;
esac
if [ ! -f "$scan" ]; then
  echo "SKIP  trial $kind: $scan is not there" >&2
  exit 0
fi
mkdir -p "$out"
TIMEFORMAT='%U user, %S system, %R wall seconds'
time bin/ptycho train --train-data-file "$scan" --output-dir "$out/run" --overwrite --seed "$seed" --threads 1 --quiet "${train[@]}" "$@"
bin/ptycho infer --model-path "$out/run" --test-data "$scan" --output-dir "$out/out" --overwrite --quiet "${infer[@]}"
bin/ptycho evaluate --reconstruction "$out/out/reconstruction.npz" --reference "$reference" --quiet "${judge[@]}" | tee "$out/figures.txt"
