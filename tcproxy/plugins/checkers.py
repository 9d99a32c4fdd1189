"""The health checkers that come with tcproxy, one line each."""

from tcproxy.health.tcp import TcpCheck

tcp = TcpCheck()
