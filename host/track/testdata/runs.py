"""Reads runs by MLflow's own client: a line "ADDRESS EXPERIMENT" on stdin gives its runs as a line of JSON."""

import json
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts


def files(client, run, path=None):
    for f in client.list_artifacts(run, path):
        if f.is_dir:
            yield from files(client, run, f.path)
        else:
            yield f.path


def history(client, run, key):
    return [[m.step, str(m.value)] for m in sorted(client.get_metric_history(run, key), key=lambda m: m.step)]


def runs(address, name):
    client = MlflowClient(address)
    mlflow.set_tracking_uri(address)
    experiment = client.get_experiment_by_name(name)
    for run in client.search_runs([experiment.experiment_id]):
        id = run.info.run_id
        yield {
            "name": run.info.run_name,
            "status": run.info.status,
            "ended": run.info.end_time is not None,
            "params": run.data.params,
            "tags": run.data.tags,
            "metrics": {k: history(client, id, k) for k in run.data.metrics if "/" not in k},
            "last": {k: str(v) for k, v in run.data.metrics.items()},
            "files": {p: open(download_artifacts(run_id=id, artifact_path=p), "rb").read().hex() for p in files(client, id)},
        }


print(json.dumps(mlflow.__version__), flush=True)
for line in sys.stdin:
    address, name = line.split()
    print(json.dumps(list(runs(address, name))), flush=True)
