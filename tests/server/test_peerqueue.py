"""What the kernel tells of a client's socket, and what must not be read into it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orharness.journal import Outcome
from orharness.server.facade import SseServer
from orharness.server.peerqueue import NO_SOCKET, Peer, PeerQueue, PeerState, SocketCounts
from orharness.server.thread import ServerThread
from tests.support.raw import Raw, Victims, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what a client has read")


@pytest.fixture
def queue() -> Iterator[PeerQueue]:
    queue = PeerQueue()
    yield queue
    queue.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end and the client's."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
    with client, server:
        yield server, client


def _peer(queue: PeerQueue, server: socket.socket) -> Peer:
    return Peer(queue, server.getpeername()[:2], server.getsockname()[:2])


def test_what_was_read_and_what_lies_unread(queue: PeerQueue, pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    peer = _peer(queue, server)
    assert peer.state() == PeerState(0, 0, attached=True)
    server.sendall(b"0123456789")
    assert peer.state() == PeerState(0, 10, attached=True)
    client.recv(4)
    assert peer.state() == PeerState(4, 6, attached=True)
    client.recv(10)
    server.sendall(b"ab")
    assert peer.state() == PeerState(10, 2, attached=True)


def test_one_question_tells_whether_all_was_read(queue: PeerQueue, pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    peer = _peer(queue, server)
    assert peer.has_read(0)
    server.sendall(b"0123456789")
    assert not peer.has_read(10)
    client.recv(9)
    assert not peer.has_read(10)
    client.recv(1)
    assert peer.has_read(10)
    server.sendall(b"abcde")
    assert peer.state(exactly=False) == PeerState(10, 5, attached=True)


def test_one_question_does_not_tell_it_of_what_is_no_such_socket(queue: PeerQueue) -> None:
    assert not Peer(queue, ("127.0.0.1", 9), ("127.0.0.1", 10)).has_read(0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = Peer(queue, listener.getsockname(), ("127.0.0.1", 9))
        assert not peer.has_read(0)
        with socket.create_connection(listener.getsockname()) as client:
            peer = Peer(queue, client.getsockname(), client.getpeername())
            assert peer.has_read(0)
            queue.close()
            assert not peer.has_read(0)


class Late:
    """Answers each question with the answer to the one before."""

    def __init__(self, netlink: socket.socket) -> None:
        self._netlink = netlink
        self._taken: list[bytes] = []

    def sendto(self, data: bytes, address: tuple[int, int]) -> int:
        return self._netlink.sendto(data, address)

    def recv_into(self, buffer: bytearray) -> int:
        self._taken.append(self._netlink.recv(4096))
        late = self._taken[max(0, len(self._taken) - 2)]
        buffer[: len(late)] = late
        return len(late)


def test_an_answer_to_an_earlier_question_is_not_taken_for_this_one(
    queue: PeerQueue, pair: tuple[socket.socket, socket.socket]
) -> None:
    server, client = pair
    peer = _peer(queue, server)
    netlink = queue._netlink
    assert netlink is not None
    queue._netlink = Late(netlink)  # type: ignore[assignment]
    assert peer.has_read(0)
    server.sendall(b"0123456789")
    assert not peer.has_read(10)
    client.recv(10)
    assert not peer.has_read(10)
    queue._netlink = netlink


def test_our_own_fin_is_no_byte(queue: PeerQueue, pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    peer = _peer(queue, server)
    server.sendall(b"0123456789")
    server.shutdown(socket.SHUT_WR)
    assert peer.state() == PeerState(0, 10, attached=True)
    client.recv(10)
    assert peer.state() == PeerState(10, 0, attached=True)


def test_a_socket_that_was_closed_is_not_seen_or_not_held(
    queue: PeerQueue, pair: tuple[socket.socket, socket.socket]
) -> None:
    server, client = pair
    peer = _peer(queue, server)
    client.close()
    state = peer.state()
    assert state is None or not state.attached


def test_whose_socket_it_is(queue: PeerQueue) -> None:
    victims = Victims()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            peer = _peer(queue, server)
            assert peer.held_here() is True
            victims.fork(client)
            assert peer.held_here() is True
            client.close()
            assert peer.held_here() is False
            victims.close()
            eventually(lambda: peer.held_here() is None)  # nobody's


def test_whose_socket_it_is_may_be_unknown(pair: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    queue = PeerQueue(processes=tmp_path / "of another system")
    peer = _peer(queue, pair[0])
    assert peer.state() is not None
    assert peer.held_here() is None
    queue.close()
    assert peer.held_here() is None


class _Interrupted(PeerQueue):
    """Bytes come between the two counts of one answer: the queue's and, after the socket's lock, the received."""

    def __init__(self, *answers: tuple[int, int]) -> None:
        super().__init__()
        self.answers = list(answers)

    def ask(self, question: bytes) -> SocketCounts | None:
        received, queued = self.answers.pop(0)
        return SocketCounts(received, queued, closing=False, attached=True)


@pytest.mark.parametrize(
    ("answers", "read"),
    [
        ([(10, 0), (10, 10)], 0),  # ten came between: they are not read because the queue was empty before
        ([(10, 0), (10, 0)], 10),
        ([(10, 0), (30, 10)], 0),  # and again: at least so much was read
        ([(10, 0), (30, 0)], 10),
    ],
)
def test_what_comes_between_two_counts_is_not_taken_for_read(answers: list[tuple[int, int]], read: int) -> None:
    queue = _Interrupted(*answers)
    state = Peer(queue, ("127.0.0.1", 1), ("127.0.0.1", 2)).state()
    queue.close()
    assert state is not None
    assert state.read == read


def test_what_was_seen_to_be_read_had_been_received_before_the_next_question() -> None:
    queue = _Interrupted((30, 20))
    peer = Peer(queue, ("127.0.0.1", 1), ("127.0.0.1", 2))
    queue.holds_nothing = lambda question: True  # type: ignore[method-assign]
    assert peer.has_read(30)
    assert peer.has_received(30)
    assert not peer.has_received(31)
    queue.answers = [(50, 20)]  # one answer suffices where a count of the queue can be compared with bytes known before
    state = peer.state(exactly=False)
    queue.close()
    assert state == PeerState(30, 20, attached=True)


def test_a_socket_that_is_no_more_is_gone_and_one_of_which_the_kernel_says_nothing_is_not(
    queue: PeerQueue, pair: tuple[socket.socket, socket.socket]
) -> None:
    server, client = pair
    peer, other = _peer(queue, server), _peer(queue, server)
    server.sendall(b"0123456789")
    assert peer.state() == PeerState(0, 10, attached=True)
    gone = [peer.gone]
    client.close()  # with unread bytes: an RST, and no socket is left
    assert peer.state() is None
    gone.append(peer.gone)
    queue.close()
    assert other.state() is None
    assert [*gone, other.gone] == [False, True, False]


def test_a_socket_that_is_no_more_is_not_asked_for_again(
    sse_thread: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing: list[bool] = []
    ask = PeerQueue.ask

    def counted(self: PeerQueue, question: bytes) -> SocketCounts | None:
        answer = ask(self, question)
        missing.append(answer is NO_SOCKET)
        return answer

    monkeypatch.setattr(PeerQueue, "ask", counted)
    with SseServer(sse_thread, strict=False) as server:
        route = server.post("/s").stream("one", "two")
        with Raw(server) as raw:
            raw.request("POST", "/s")
            eventually(lambda: len(missing) > 5)  # it is asked for again and again until it has read the head
        assert route.call.wait_ended() is Outcome.CANCELLED  # it left with unread bytes
    assert sum(missing) == 1
