"""The health checkers that come with tcproxy, one line each."""

from tcproxy.health.httpchk import HttpChecker
from tcproxy.health.tcp import TcpCheck

tcp = TcpCheck()
httpchk = HttpChecker()
