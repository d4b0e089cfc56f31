"""Lists the first PAGES pages of a bucket, and prints how many keys they held: boto3_list.py ENDPOINT PAGES"""

import itertools
import sys

import boto3
from botocore.config import Config


def main():
    endpoint, pages = sys.argv[1], int(sys.argv[2])
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(s3={"addressing_style": "path"}),
    )
    paginator = client.get_paginator("list_objects_v2").paginate(Bucket="bench")
    print(sum(page["KeyCount"] for page in itertools.islice(paginator, pages)))


main()
