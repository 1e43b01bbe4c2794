#!/usr/bin/env bash
# The network on simulated scans, sound and with faults, without and with --calibrate auto: one row of a table for each scan.
#
#   bench/trials/calibrate.sh [flags of ptycho train]
#
# OBJECTS (lines fields cells blocks), FAULTS (none defocus=0.34 jitter=2 modes exposure), SEEDS (0), N (32), PATTERNS (400) and EPOCHS
# (6) choose the scans and the training. Each pair of figures is what evaluate finds against the truth, unregistered: PSNR of the amplitude in dB
# and phase correlation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ptycho=${PTYCHO:-bin/ptycho} out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
scan=$out/scan.npz

# figures CALIBRATION-OF-INFER FLAGS… prints "PSNR, phase correlation" of a network that is trained on the scan with the flags.
figures() {
  local infer=$1
  shift
  "$ptycho" train --train-data-file "$scan" --output-dir "$out/run" --overwrite --seed "$seed" --threads 1 --quiet --trust-data \
    --max-epochs "${EPOCHS:-6}" "$@" >"$out/train.txt" 2>&1 || { echo "train: code $?"; return; }
  "$ptycho" infer --model-path "$out/run" --test-data "$scan" --output-dir "$out/out" --overwrite --quiet --trust-data --calibrate "$infer" \
    >"$out/infer.txt" 2>&1 || { echo "infer: code $?"; return; }
  "$ptycho" evaluate --reconstruction "$out/out/reconstruction.npz" --reference "$scan" --quiet >"$out/figures.txt"
  awk '/^amplitude PSNR/ {psnr = $(NF-1)} /^phase correlation/ {phase = $(NF-1)} END {printf "%s, %s", psnr, phase}' "$out/figures.txt"
}

echo '| object | fault | seed | PSNR dB, phase corr. | with --calibrate auto |'
echo '|---|---|---|---|---|'
for seed in ${SEEDS:-0}; do
  for object in ${OBJECTS:-lines fields cells blocks}; do
    for fault in ${FAULTS:-none defocus=0.34 jitter=2 modes exposure}; do
      "$ptycho" simulate --output "$scan" --overwrite --object "$object" --probe aberrated --n "${N:-32}" --n-images "${PATTERNS:-400}" \
        --nphotons 1e5 --seed "$((seed + 11))" --fault "${fault/#none/}" >/dev/null 2>&1
      echo "| $object | $fault | $seed | $(figures none "$@") | $(figures auto --calibrate auto "$@") |"
    done
  done
done
