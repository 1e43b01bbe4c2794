"""Reads event files by TensorBoard's own code and prints what it sees as JSON.

events.py FOLDER          what a TensorBoard that starts now shows
events.py FOLDER follow   the same at once, and again after a line on stdin: a TensorBoard that was running
events.py FILE records    the steps of the records of one file
"""

import base64
import json
import sys

from tensorboard.backend.event_processing import event_accumulator, event_file_loader


def seen(accumulator):
    accumulator.Reload()
    tags = accumulator.Tags()
    return {
        "scalars": {t: [[e.step, e.value] for e in accumulator.Scalars(t)] for t in tags["scalars"]},
        "images": {
            t: [[e.step, e.width, e.height, base64.b64encode(e.encoded_image_string).decode()] for e in accumulator.Images(t)]
            for t in tags["images"]
        },
        "texts": {t: [[e.step, e.tensor_proto.string_val[0].decode()] for e in accumulator.Tensors(t)] for t in tags["tensors"]},
    }


def show(value):
    print(json.dumps(value).replace("NaN", '"NaN"'), flush=True)


path, how = sys.argv[1], (sys.argv + [""])[2]
if how == "records":
    show([e.step for e in event_file_loader.EventFileLoader(path).Load()])
else:
    everything = {event_accumulator.SCALARS: 0, event_accumulator.IMAGES: 0, event_accumulator.TENSORS: 0}
    accumulator = event_accumulator.EventAccumulator(path, size_guidance=everything)
    show(seen(accumulator))
    if how == "follow":
        sys.stdin.readline()
        show(seen(accumulator))
