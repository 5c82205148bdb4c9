"""An object store for tests: a real S3 server on loopback that lives as long as the test process; each test has a bucket of its own."""

import os
from functools import cache
from itertools import count
from typing import Any

from moto.server import ThreadedMotoServer
from upath import UPath

_numbers = count(1)
_WHO = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "tester", "AWS_DEFAULT_REGION": "us-east-1"}


@cache
def _start() -> None:
    """Its address is found in the environment, as in production."""
    server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ.update(_WHO | {"AWS_ENDPOINT_URL_S3": f"http://{host}:{port}"})


def bucket() -> str:
    """The URL of a lake in a new bucket."""
    _start()
    name = f"lake-{os.getpid()}-{next(_numbers)}"
    objects(f"s3://{name}").mkdir(name)
    return f"s3://{name}/lake"


def objects(lake: str) -> Any:  # noqa: ANN401 - fsspec ships no types
    """The store that holds a lake, by the way past the lake."""
    return UPath(lake).fs


def names(lake: str) -> list[str]:
    """Every object of a lake, by its path in it, as it is there now."""
    there = objects(lake)
    there.invalidate_cache()
    root = lake.removeprefix("s3://")
    return sorted(str(name).removeprefix(f"{root}/") for name in there.find(root))
