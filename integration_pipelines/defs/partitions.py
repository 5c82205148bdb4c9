"""The partitions of every asset: tenants, added and removed at run time. No other partitioning belongs here."""

import dagster as dg

TENANTS = dg.DynamicPartitionsDefinition(name="tenants")
