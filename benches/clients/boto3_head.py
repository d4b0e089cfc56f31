"""HeadObject with `Range: bytes=0-0` on COUNT keys, from 32 threads: boto3_head.py ENDPOINT COUNT"""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

THREADS = 32


def main():
    endpoint, count = sys.argv[1], int(sys.argv[2])
    config = Config(max_pool_connections=THREADS, s3={"addressing_style": "path"})
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=config,
    )

    def warm(number):
        key = f"datasets/imagenet-webdataset-shuffled-train-set-{number:08}.tar"
        client.head_object(Bucket="bench", Key=key, Range="bytes=0-0")

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(warm, range(count)):
            pass


main()
