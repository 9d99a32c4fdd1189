"""The balancing strategies that come with tcproxy: the words of `balance`, one line each."""

from tcproxy.balance.draws import Random
from tcproxy.balance.first import First
from tcproxy.balance.hdr import Header
from tcproxy.balance.leastconn import LeastConn
from tcproxy.balance.rdp_cookie import RdpCookie
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.balance.source import Source
from tcproxy.balance.static_rr import StaticRoundRobin
from tcproxy.balance.uri import Uri
from tcproxy.balance.url_param import UrlParam

roundrobin = RoundRobin()
static_rr = StaticRoundRobin()
leastconn = LeastConn()
first = First()
source = Source()
random = Random()
uri = Uri()
url_param = UrlParam()
hdr = Header()
rdp_cookie = RdpCookie()
