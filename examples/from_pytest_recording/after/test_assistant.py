import socket

import pytest
from assistant import answer, answer_async, pieces, pieces_async, read_by_hand, tokens


@pytest.mark.sse_cassette
def test_answer(client):
    assert answer(client, "Say hello.")


@pytest.mark.sse_cassette
def test_pieces(client):
    found = pieces(client, "Say hello.")
    assert len(found) > 1


@pytest.mark.sse_cassette
def test_tokens(client):
    assert 0 < tokens(client, "Count to three.") <= 12


@pytest.mark.sse_cassette
def test_two_questions(client):
    assert answer(client, "Name a color.") != answer(client, "What is two plus two?")


@pytest.mark.sse_cassette
def test_the_same_question_twice(client):
    assert answer(client, "Name a color.") == answer(client, "Name a color.")


@pytest.mark.sse_cassette
def test_models(client):
    assert [one.id for one in client.models.list()] == ["SmolLM2-135M-Instruct"]


@pytest.mark.sse_cassette
def test_both_ways_say_the_same(client):
    assert "".join(pieces(client, "Name a fruit.")) == answer(client, "Name a fruit.")


@pytest.mark.sse_cassette
@pytest.mark.asyncio
async def test_async(async_client):
    async with async_client as client:
        assert "".join(await pieces_async(client, "Greet me.")) == await answer_async(client, "Greet me.")


@pytest.mark.sse_cassette("reader")
def test_reader_of_our_own(address):
    assert read_by_hand(**address, question="Say goodbye.")


@pytest.mark.block_network(allowed_hosts=["127.0.0.1", "localhost", "::1"])
def test_nothing_else_is_asked():
    with pytest.raises(RuntimeError), socket.socket() as connection:
        connection.connect(("192.0.2.1", 80))
