"""Spark, driven by lines of JSON: each line on stdin runs one query to its end (Trigger.AvailableNow), one line answers on stdout.

The source is the numbers below the head, which stands in a file; sluice has the same one in numbers.ts.
Each attempt at a batch writes a file "<batch>-<uuid>.jsonl" into the folder `out`.
"""

import json
import os
import sys
import threading
import uuid
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadMaxRows, SupportsTriggerAvailableNow


def offset_at(n):
    # Characters that JSON writers treat differently: beyond ASCII, beyond 16 bits, DEL, a line separator, quotes.
    return {
        "offset": n,
        "größe ✓": f"Nr. {n} “日本” \U0001f600 \x7f \u2028 \" \\ / \t",
        "nested": {"z": {"even": n % 2 == 0, "ten": n // 10}, "a": {}},
    }


class Slice(InputPartition):
    def __init__(self, start, end):
        self.start = start
        self.end = end


class NumbersReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    def __init__(self, options):
        self.head_file = options["head"]
        self.acks = options["acks"]
        self.max_rows = int(options["maxrows"])
        self.target = None

    def head(self):
        with open(self.head_file) as file:
            return int(file.read())

    def prepareForTriggerAvailableNow(self):
        self.target = self.head()

    def getDefaultReadLimit(self):
        return ReadMaxRows(self.max_rows)

    def initialOffset(self):
        return offset_at(0)

    # Made anew instead of handing `start` back: equal offsets must be equal as text.
    def latestOffset(self, start, limit):
        return offset_at(min(self.target, start["offset"] + limit.max_rows))

    def partitions(self, start, end):
        first, last = start["offset"], end["offset"]
        if start != offset_at(first) or end != offset_at(last):
            raise ValueError(f"these offsets are not as they were given: {start} {end}")
        middle = (first + last) // 2
        return [Slice(a, b) for a, b in [(first, middle), (middle, last)] if a < b]

    def read(self, partition):
        for n in range(partition.start, partition.end):
            yield (n,)

    def commit(self, end):
        with open(self.acks, "a") as file:
            file.write(f"{end['offset']}\n")


class Numbers(DataSource):
    @classmethod
    def name(cls):
        return "numbers"

    def schema(self):
        return "n int not null"

    def streamReader(self, schema):
        return NumbersReader(self.options)


def say(message):
    print(json.dumps(message), file=protocol, flush=True)


def writer(folder, hang):
    def write(rows, batch_id):
        numbers = sorted(row[0] for row in rows.collect())
        path = os.path.join(folder, f"{batch_id}-{uuid.uuid4()}.jsonl")
        with open(path, "w") as file:
            file.writelines(json.dumps({"n": n}) + "\n" for n in numbers)
        if hang:
            say({"hangs": batch_id})
            threading.Event().wait()

    return write


def run(command):
    for name, value in command["conf"].items():
        spark.conf.set(name, value)
    try:
        sources = [spark.readStream.format("numbers").options(**source).load() for source in command["sources"]]
        rows = reduce(DataFrame.union, sources)
        if command["stateful"]:
            rows = rows.groupBy((rows.n % 2).alias("n")).count()
        query = (
            rows.writeStream.outputMode("update" if command["stateful"] else "append")
            .option("checkpointLocation", command["checkpoint"])
            .foreachBatch(writer(command["out"], command["hang"]))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
        return {"queryId": str(query.id)}
    finally:
        for name in command["conf"]:
            spark.conf.unset(name)


protocol = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever Spark prints is no answer
spark = SparkSession.builder.master("local[2]").getOrCreate()
spark.dataSource.register(Numbers)
say({"ready": spark.version, "java": spark._jvm.System.getProperty("java.version")})
for line in sys.stdin:
    try:
        say(run(json.loads(line)))
    except Exception as error:
        say({"error": str(error)})
spark.stop()
