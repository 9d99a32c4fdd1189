"""The balancing strategies that come with tcproxy: the words of `balance`, one line each."""

from tcproxy.balance.draws import Random
from tcproxy.balance.first import First
from tcproxy.balance.hdr import HeaderHash
from tcproxy.balance.leastconn import LeastConn
from tcproxy.balance.rdp_cookie import RdpCookieHash
from tcproxy.balance.roundrobin import RoundRobin
from tcproxy.balance.sample import SampleHash
from tcproxy.balance.source import SourceHash
from tcproxy.balance.static_rr import StaticRoundRobin
from tcproxy.balance.uri import UriHash
from tcproxy.balance.url_param import UrlParamHash

roundrobin = RoundRobin()
static_rr = StaticRoundRobin()
leastconn = LeastConn()
first = First()
source = SourceHash()
random = Random()
uri = UriHash()
url_param = UrlParamHash()
hdr = HeaderHash()
rdp_cookie = RdpCookieHash()
hash_of_sample = SampleHash()
