"""The balancing strategies that come with tcproxy: the words of `balance`, one line each."""

from tcproxy.balance.draws import Random
from tcproxy.balance.first import First
from tcproxy.balance.leastconn import LeastConn
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.balance.source import Source
from tcproxy.balance.static_rr import StaticRoundRobin

roundrobin = RoundRobin()
static_rr = StaticRoundRobin()
leastconn = LeastConn()
first = First()
source = Source()
random = Random()
