import json
import os

import openai
import pytest

BASE_URL = os.environ.get("ASSISTANT_BASE_URL", "http://127.0.0.1:8080/v1")
API_KEY = os.environ.get("ASSISTANT_API_KEY", "none")


def without_user(request):
    if request.body and b"user" in request.body:
        body = json.loads(request.body)
        body.pop("user", None)
        request.body = json.dumps(body)
    return request


@pytest.fixture(scope="module")
def vcr_config():
    return {"filter_headers": ["authorization"], "before_record_request": without_user}


@pytest.fixture
def address():
    return {"base_url": BASE_URL, "api_key": API_KEY}


@pytest.fixture
def client(address):
    with openai.OpenAI(**address) as made:
        yield made


@pytest.fixture
def async_client(address):
    return openai.AsyncOpenAI(**address)
