"""Waits for a moto server that has just started, and gives it one user that may do everything."""

import json
import sys
import time

import boto3
import botocore.exceptions

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def create_user(endpoint):
    iam = boto3.client(
        "iam",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="unchecked",
        aws_secret_access_key="unchecked",
    )
    iam.create_user(UserName="suite")
    iam.put_user_policy(UserName="suite", PolicyName="all", PolicyDocument=json.dumps(ALLOW_ALL))
    return iam.create_access_key(UserName="suite")["AccessKey"]


def main():
    endpoint = sys.argv[1]
    patience = time.monotonic() + 600
    while True:
        try:
            key = create_user(endpoint)
            break
        except botocore.exceptions.EndpointConnectionError:
            if time.monotonic() > patience:
                raise
            time.sleep(0.2)
    print(f"endpoint={endpoint}")
    print(f"access_key={key['AccessKeyId']}")
    print(f"secret_key={key['SecretAccessKey']}")


main()
