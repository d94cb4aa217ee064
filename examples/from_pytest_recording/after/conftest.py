import json

import openai
import pytest


def without_user(request):
    if request.body and b"user" in request.body:
        body = json.loads(request.body)
        body.pop("user", None)
        request.body = json.dumps(body)
    return request


@pytest.fixture(scope="module")
def sse_config():
    return {"filter_headers": ["authorization"], "before_record_request": without_user, "delays": False}


@pytest.fixture
def address(sse_server):
    return sse_server.openai


@pytest.fixture
def client(address):
    with openai.OpenAI(**address) as made:
        yield made


@pytest.fixture
def async_client(address):
    return openai.AsyncOpenAI(**address)
