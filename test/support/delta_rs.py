"""delta-rs, driven by lines of JSON: each line on stdin is one command, one line answers on stdout."""

import base64
import datetime
import decimal
import json
import sys

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, (datetime.date, decimal.Decimal)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        # pyarrow gives maps as lists of pairs.
        if value and all(isinstance(item, tuple) for item in value):
            return {key: plain(item) for key, item in value}
        return [plain(item) for item in value]
    return value


def run(command):
    path, version = command["path"], command.get("version")
    op = command["op"]
    if op == "append":
        rows = pa.Table.from_pylist(command["rows"])
        txn = command.get("txn")
        properties = CommitProperties(app_transactions=[Transaction(*txn)]) if txn else None
        write_deltalake(path, rows, mode="append", schema_mode=command.get("schemaMode"), commit_properties=properties)
        return {"version": DeltaTable(path).version()}
    table = DeltaTable(path, version=version)
    if op == "state":
        app_ids = command.get("appIds", [])
        return {
            "version": table.version(),
            "schema": json.loads(table.schema().to_json()),
            "txns": {app_id: table.transaction_version(app_id) for app_id in app_ids},
            "files": len(table.file_uris()),
            "adds": [plain(row) for row in pa.table(table.get_add_actions(flatten=True)).to_pylist()],
        }
    if op == "read":
        rows = table.to_pyarrow_table(columns=command.get("columns"), partitions=[tuple(one) for one in command.get("partitions", [])] or None)
        return {"version": table.version(), "rows": [plain(row) for row in rows.to_pylist()]}
    if op == "where":
        rows = table.to_pyarrow_dataset().to_table(filter=eval(command["filter"], {"pc": pa.compute, "pa": pa, "datetime": datetime}))
        return {"version": table.version(), "rows": [plain(row) for row in rows.to_pylist()]}
    if op == "checkpoint":
        table.create_checkpoint()
        return {"version": table.version()}
    if op == "optimize":
        table.optimize.compact()
        return {"version": DeltaTable(path).version()}
    raise ValueError(op)


import pyarrow.compute  # noqa: E402

for line in sys.stdin:
    try:
        answer = run(json.loads(line))
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
