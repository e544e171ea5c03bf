"""Spark with Delta Lake, driven by lines of JSON: each line on stdin is one command, one line answers on stdout."""

import glob
import json
import os
import sys

from pyspark.sql import SparkSession

protocol = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever Spark prints is no answer
folder, jars = sys.argv[1:3]
settings = {
    "spark.jars": ",".join(glob.glob(os.path.join(jars, "*.jar"))),
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.local.dir": folder,
    "spark.sql.warehouse.dir": os.path.join(folder, "warehouse"),
    "spark.driver.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.io.tmpdir={folder}",
}


def say(message):
    print(json.dumps(message, default=str), file=protocol, flush=True)


def run(command):
    path = command["path"]
    if command["op"] == "append":
        rows = spark.createDataFrame([tuple(row) for row in command["rows"]], command["schema"])
        writer = rows.write.format("delta").mode("append").options(**command.get("options", {}))
        if command.get("partitionBy"):
            writer = writer.partitionBy(*command["partitionBy"])
        writer.save(path)
        return {}
    if command["op"] == "sql":
        return {"rows": [row.asDict(recursive=True) for row in spark.sql(command["sql"]).collect()]}
    reader = spark.read.format("delta").options(**command.get("options", {}))
    table = reader.load(path)
    if command.get("where"):
        table = table.where(command["where"])
    rows = [row.asDict(recursive=True) for row in table.orderBy("id").collect()]
    return {"rows": rows, "schema": json.loads(table.schema.json()), "files": len(table.inputFiles())}


builder = SparkSession.builder.master("local[2]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
say({"ready": spark.version})
for line in sys.stdin:
    try:
        say(run(json.loads(line)))
    except Exception as error:
        say({"error": str(error)[:4000]})
spark.stop()
