"""A backend as a plugin's process: the handshake, and what protects the process and its host from each other."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc

from . import contract as c
from . import logs, tools
from .certificate import Certificate, check_folder
from .server import Servicer, handlers
from .wire import MAX_MESSAGE

COOKIE_KEY, COOKIE_VALUE = "PTYCHO_PLUGIN", "5f0a1c8e-ptycho-backend"  # shows that a host started the process; not a secret
LIFELINE_KEY = "PTYCHO_LIFELINE_FD"
SOCKET_KEY = "PLUGIN_UNIX_SOCKET_DIR"
_EXIT_BY_HAND = 12
_ANSWER_TIME = 0.02  # seconds for the answer to Shutdown to leave
_MAX_STREAMS = 256
# Seconds after which gRPC ends a call that Python has not taken, by default 30. A long import may hold the interpreter; the host has its own limit.
_TAKE_TIME = 24 * 3600


def serve(make: Callable[[], c.Backend], *, name: str, doctor: Callable[[], list[tools.Finding]] | None = None) -> None:
    """serve runs the backend that make returns until the host requests the end or is gone. It does not return.

    make imports the engine. It is called after standard output is protected, so that nothing an engine prints is taken for the
    handshake, and after the handshake, for which the host waits only a minute. If no host started the process, the first argument names a tool: doctor or install.
    """
    if os.environ.get(COOKIE_KEY) != COOKIE_VALUE:
        sys.exit(_by_hand(make, name, doctor))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the host ends the plugin when it has saved its work
        signal.signal(number, lambda *_: None)
    folder = os.environ.get(SOCKET_KEY, "")
    _watch_lifeline(folder)
    out = _claim_stdio()
    logs.configure(logs.level_from_environment())
    try:
        _run(make, folder, out)
    except Exception as e:
        print(f"{name}: {e}", file=sys.stderr, flush=True)
        os._exit(_EXIT_BY_HAND)
    os._exit(0)  # engines keep threads that would delay the end


def _run(make: Callable[[], c.Backend], folder: str, out: int) -> None:
    if sys.byteorder != "little":
        raise OSError("this machine is big-endian, the protocol is little-endian")
    if "2" not in os.environ.get("PLUGIN_PROTOCOL_VERSIONS", "2").split(","):
        raise OSError(f"the host does not speak protocol {c.PROTOCOL_MAJOR}; update ptycho or the plugin")
    check_folder(folder)
    done = threading.Event()
    server = grpc.server(
        futures.ThreadPoolExecutor(_MAX_STREAMS, thread_name_prefix="call"),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE),
                 ("grpc.max_concurrent_streams", _MAX_STREAMS), ("grpc.http2.max_frame_size", 1 << 20), ("grpc.so_reuseport", 0),
                 ("grpc.server_max_unrequested_time_in_server", _TAKE_TIME)])
    servicer = Servicer(done.set)
    server.add_generic_rpc_handlers((handlers(servicer), *_host_services(done)))
    certificate = Certificate()
    socket = os.path.join(folder, "plugin.sock")
    credentials = grpc.ssl_server_credentials([(certificate.key, certificate.pem)])
    if not server.add_secure_port(f"unix:{socket}", credentials):
        raise OSError(f"cannot listen on {socket}")
    server.start()
    os.write(out, f"1|{c.PROTOCOL_MAJOR}|unix|{socket}|grpc|{certificate.handshake}\n".encode())
    try:
        servicer.use(make())
    except BaseException as e:  # of the engine; the host learns the reason
        servicer.use(e)
    done.wait()
    time.sleep(_ANSWER_TIME)
    server.stop(None)


def _host_services(done: threading.Event) -> Iterator[grpc.GenericRpcHandler]:
    """_host_services returns the services that hashicorp/go-plugin expects besides the backend's."""
    def check(request: bytes, context: Any) -> bytes:
        if request not in (b"", b"\x0a\x06plugin"):  # string service = 1
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return b"\x08\x01"  # status = SERVING

    def stdio(request: bytes, context: Any) -> Iterator[bytes]:
        done.wait()  # printed text goes to standard error instead
        return iter(())

    def shutdown(request: bytes, context: Any) -> bytes:
        done.set()
        return b""

    yield grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)})
    yield grpc.method_handlers_generic_handler("plugin.GRPCStdio", {"StreamStdio": grpc.unary_stream_rpc_method_handler(stdio)})
    yield grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(shutdown)})


def _claim_stdio() -> int:
    """_claim_stdio returns a descriptor for the handshake. What is printed afterwards goes to standard error."""
    sys.stdout.flush()
    out = os.dup(1)
    os.set_inheritable(out, False)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return out


def _watch_lifeline(folder: str) -> None:
    """_watch_lifeline ends the process when the host has ended for any reason: the kernel then closes the host's end of a pipe."""
    text = os.environ.pop(LIFELINE_KEY, "")
    if not text.isdigit() or int(text) < 3:
        return
    fd = int(text)
    try:
        os.set_inheritable(fd, False)
    except OSError:
        return

    def watch() -> None:
        try:
            while os.read(fd, 1):
                pass
        except OSError:
            pass
        _remove_sockets(folder)
        os._exit(0)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def _remove_sockets(folder: str) -> None:
    """_remove_sockets removes the socket and the folder that the host created for it, in place of the host."""
    try:
        os.remove(os.path.join(folder, "plugin.sock"))
        os.rmdir(folder)
    except OSError:
        pass  # other files remain, or the host removed it


def _by_hand(make: Callable[[], c.Backend], name: str, doctor: Callable[[], list[tools.Finding]] | None) -> int:
    argument = sys.argv[1] if len(sys.argv) > 1 else ""
    if argument == "doctor":
        return tools.run_doctor(make, doctor)
    if argument == "install":
        try:
            backend = make()
        except Exception as e:
            print(f"{name}: the engine cannot be loaded: {e}", file=sys.stderr)
            return _EXIT_BY_HAND
        return tools.install(backend, os.path.abspath(sys.argv[0]))
    if argument == "setup":
        print(f"the {name} backend needs no setup", file=sys.stderr)
        return 10
    print(f"{os.path.basename(sys.argv[0])} is the {name} backend of ptycho; to use it, run: ptycho train --backend {name}", file=sys.stderr)
    return _EXIT_BY_HAND
