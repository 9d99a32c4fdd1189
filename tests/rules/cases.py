"""Tests of samples, with what the reference says of each: taken from its own answers, and compared again.

Each line: 1 or 0, and what stands behind `acl NAME`.
"""

from __future__ import annotations

MATCHES = r"""
1 int(5) ne 5
0 int(5) ne 6
1 int(5) gt 3 lt 2
1 int(5) gt 9 lt 6
0 int(5) gt
0 int(5) 3 gt 9
1 int(5) 3 gt 4
0 int(5) gt 3:4
1 int(5) gt 5:9
1 int(5) lt 5:9
1 int(5) le 3:9
0 int(5) ge 6:9
1 int(5) eq eq 5
1 int(5) 1:5
1 int(5) 5:
1 int(5) :5
0 int(5) :4 6:
1 int(5) 1 2 3 5:6 9
1 int(-5) lt -1
1 int(-5) -- -5
1 int(5) 05
1 int(+5) 5
1 int(010) 10
1 int(9223372036854775807) 9223372036854775807
1 int(5) -m str 5
0 int(5) -m str 05
1 int(5) -m beg 5
1 int(5) -m len 1
0 int(5) -m len 4
0 int(5) -m bin 05
1 int(5) -m bin 0000000000000005
1 int(5) -m bool
0 int(0) -m bool
1 int(5) -m ip 0.0.0.5
0 int(5) -m ip 5.0.0.0
1 int(4294967297) -m ip 0.0.0.1
1 int(5) -m found
1 int(5) -m found x
1 int(5) -m reg ^5$
0 int(5) -m str gt
1 int(5) -m len eq 1
1 always_true
1 always_true 0
0 always_false true
1 always_true -m int 1
1 always_true -m str 1
0 always_true -m str true
1 always_true -m bin 0000000000000001
1 always_true -m len 1
1 always_false -m found
1 bool(1) -m bool x
0 bool(false)
1 ipv4(1.2.3.4) 1.2.3.4
0 ipv4(1.2.3.4) 1.2
1 ipv4(1.0.0.2) 1.2
1 ipv4(1.0.0.2) 1.2/8
0 ipv4(1.2.3.4) 1/8
1 ipv4(0.0.0.1) 1
1 ipv4(1.0.1.0) 1.256
1 ipv4(1.2.1.44) 1.2.300
1 ipv4(0.0.1.44) 300
1 ipv4(8.0.0.1) 010.0.0.1
0 ipv4(10.0.0.1) 010.0.0.1
1 ipv4(1.2.3.4) 1.0.3.4/255.0.255.255
1 ipv4(1.9.3.4) 1.0.3.4/255.0.255.255
1 ipv4(1.2.3.4) 1.2.3.99/24
0 ipv4(1.2.4.4) 1.2.3.99/24
1 ipv4(1.2.3.4) 0.0.0.0/0
1 ipv4(1.2.3.4) 1.2.3.4/+8
1 ipv4(1.2.3.4) 9.9.9.9 8.0.0.0/8 1.2.0.0/16
1 ipv4(1.2.3.4) ::ffff:1.2.3.4
1 ipv4(1.2.3.4) ::ffff:0:0/96
1 ipv4(1.2.3.4) ::/0
0 ipv4(1.2.3.4) 2002:102:304::
1 ipv4(127.0.0.5) localhost/8
1 ipv6(::ffff:1.2.3.4) 1.2.3.4
1 ipv6(::1.2.3.4) 1.2.3.4
1 ipv6(2002:102:304::) 1.2.3.4
1 ipv6(2002:102:304::5) 1.2.3.0/24
0 ipv6(64:ff9b::1.2.3.4) 1.2.3.4
1 ipv6(::1) 0.0.0.1
0 ipv6(::1) 127.0.0.1
1 ipv6(::1) ::/0
1 ipv6(::1) ::1/0128
1 ipv6(::1) ::1/-0
1 ipv6(2001:db8::1) 2001:db8::/32
0 ipv6(2001:db8::1) 0.0.0.0/0
1 ipv6(::ffff:1.2.3.4) 0.0.0.0/0
1 ipv6(::ffff:1.2.3.4) ::ffff:1.2.3.0/120
1 ipv4(1.2.3.4) -m int 16909060
1 ipv4(1.2.3.4) -m str 1.2.3.4
1 ipv4(1.2.3.4) -m beg 1.2
1 ipv4(1.2.3.4) -m bin 01020304
1 ipv4(1.2.3.4) -m len 7
1 ipv4(1.2.3.4) -m bool
0 ipv4(0.0.0.0) -m bool
1 ipv6(::1) -m str ::1
1 ipv6(::1) -m bin 00000000000000000000000000000001
1 ipv6(2001:db8::1) -m end ::1
1 str(abc) abc
0 str(abc) ABC
1 str(abc) -i ABC
0 str(abc) x -i ABC
1 str(-i) x -i
1 str(x) -- -i x
1 str(abc) -m sub b
1 str(abc) -m sub -i B
0 str(abc) -m sub abcd
1 str(abc) -m sub x y c
1 str(abc) -m beg ab
1 str(abc) -m beg -i AB x
1 str(abc) -m beg 1 2 3 4 5 6 7 8 9 ab
0 str(abc) -m beg 1 2 3 4 5 6 7 8 9 abcd
1 str(abc) -m end bc
1 str(abc) -m end 1 2 3 4 5 6 7 8 9 bc
0 str(abc) -m end abcd
1 str(abc) -m len 3
1 str(abc) -m len 2:4
0 str(abc) -m len gt 3
1 str(abc) -m bin 616263
0 str(abc) -m bin 61
1 str(5) -m int 5
1 str(5x) -m int 5
1 str(x) -m int 0
1 str(-5) -m int lt 0
1 str(+5) -m int 5
1 str(-) -m int 0
0 str() -m int 0
1 str(99999999999999999999) -m int gt 5
1 str(9223372036854775808) -m int 9223372036854775807
1 str(5) -m bool
0 str(x) -m bool
0 str(true) -m bool
1 str(1.2.3.4) -m ip 1.2.3.0/24
1 str(::1) -m ip ::1
0 str(x) -m ip ::/0
0 str(localhost) -m ip 127.0.0.1
1 str() -m found
1 str -m found
1 str() -m len 0
0 str() x
0 str() --
1 str(abc) -m beg -m str abc
0 str(abc) -m beg -m str a
1 str(/images/png/logo/32x32.png) -m dir /images
1 str(/images/png/logo/32x32.png) -m dir images/
1 str(/images/png/logo/32x32.png) -m dir /images/png/
1 str(/images/png/logo/32x32.png) -m dir images/png
1 str(/images/png/logo/32x32.png) -m dir /png/logo
1 str(/images/png/logo/32x32.png) -m dir 32x32.png
1 str(/images/png/logo/32x32.png) -m dir png
0 str(/images/png/logo/32x32.png) -m dir 32x32
0 str(/images/png/logo/32x32.png) -m dir im
1 str(/images/png/logo/32x32.png) -m dir -i IMAGES/PNG
0 str(/images/png/logo/32x32.png) -m dir /
0 str(/images/png/logo/32x32.png) -m dir x //
1 str(//a//b//) -m dir a
1 str(//a//b//) -m dir a//b
0 str(//a//b//) -m dir a/b
1 str(/a?b) -m dir a
1 str(http://www1.dc-eu.example.com:80/blah) -m dom http
1 str(http://www1.dc-eu.example.com:80/blah) -m dom .www1
1 str(http://www1.dc-eu.example.com:80/blah) -m dom dc-eu
0 str(http://www1.dc-eu.example.com:80/blah) -m dom eu
0 str(http://www1.dc-eu.example.com:80/blah) -m dom dc
1 str(http://www1.dc-eu.example.com:80/blah) -m dom 80
1 str(http://www1.dc-eu.example.com:80/blah) -m dom :www1:
0 str(http://www1.dc-eu.example.com:80/blah) -m dom dc-eu.example:80
1 str(http://www1.dc-eu.example.com:80/blah) -m dom dc-eu.example.com:80
0 str(http://www1.dc-eu.example.com:80/blah) -m dom .
1 str(http://www1.dc-eu.example.com:80/blah) -m dom http://www1
0 str(abcabd) -m dom abd
1 str(ab.abd) -m dom abd
1 str(abd) -m dom -i ABD
0 str(a:b;c) -m dom b
1 str(abc) -m reg ^a.c$
1 str(abc) -m reg -i B
0 str(abc) -m reg ^b
1 str(a.c) -m reg x ^a[.]c
1 bin(616263) -m str abc
1 bin(616263) -m bin 616263
1 bin(aa) -m bin AA
1 bin(61006263) -m str a
1 bin(61006263) -m beg a
0 bin(61006263) -m sub b
1 bin(61006263) -m len 1
0 bin(61006263) -m end c
1 meth(GET) -m str GET
1 meth(GET) -m found
1 meth(GET) -m bin 474554
1 meth(get) -m len 3
1 src_port gt 0
1 dst_port gt 0
1 src 127.0.0.0/8
0 src 128.0.0.0/8
1 src_is_local
1 dst_is_local
1 fe_name f
1 so_name lis
1 so_id 1
1 be_conn(b) 0
1 nbsrv(b) 1
1 connslots(b) -- -1
1 queue(b) 0
1 avg_queue(b) 0
1 fe_conn ge 0
1 be_sess_rate(b) 0
1 srv_is_up(b/s1)
1 srv_conn(b/s1) 0
1 srv_conn_free(b/s1) -- -1
1 srv_conn_free(b/s2) 7
1 be_conn_free(b) -- -1
1 srv_queue(b/s1) 0
1 srv_weight(b/s1) 5
1 srv_iweight(b/s1) 5
1 srv_uweight(b/s1) 5
1 srv_weight(b/s2) 1
1 srv_sess_rate(b/s1) 0
1 env(HOME) -m found
0 env(NO_SUCH) -m found
0 env -m found
1 proc 1
1 nbproc 1
1 thread 0
0 stopping
0 rand lt 0
1 rand(1) 0
1 date gt 1000000000
1 date(-10) gt 1000000000
1 date(0,ms) gt 1000000000000
1 date(0,us) gt 1000000000000000
1 date_us lt 1000000
1 uuid -m len 36
1 hostname -m found
0 fe_defbe -m found
1 fe_client_timeout 1000
0 fc_rcvd_proxy
1 fc_src 127.0.0.0/8
1 fc_src_port gt 0
0 fc_pp_authority -m found
""".strip().splitlines()

CONDITIONS = """
1 TRUE
0 FALSE
1 LOCALHOST
1 TRUE or
1 or TRUE
1 TRUE or FALSE
1 FALSE || TRUE
0 TRUE FALSE
1 TRUE FALSE or TRUE TRUE
0 TRUE FALSE or FALSE TRUE
0 ! TRUE
0 !TRUE
1 !!TRUE
1 !! TRUE
0 ! ! FALSE
0 !
1 TRUE !
1 ! or TRUE
0 ! or FALSE
0 FALSE or ! TRUE or !
1 FALSE OR TRUE
1 { always_true }
0 !{ always_true }
0 ! { always_true }
1 { src 1.2.3.4 } or { src 127.0.0.1 } TRUE
1 a
0 !a
1 a !b
0 b or !a
""".strip().splitlines()

DECLARED = ("acl a always_false", "acl b src 9.9.9.9", "acl a src 127.0.0.0/8")
"""The ACLs that CONDITIONS use."""

REFUSED = """
acl
acl a
acl a$ src 1.2.3.4
acl or src 1.2.3.4
acl || src 1.2.3.4
acl a src 1.2.3.4/33
acl a src ::1/129
acl a src ::1/ffff::
acl a src fe80::1%lo
acl a src 1.2.3.4/
acl a src /8
acl a src 1.2.3.256
acl a src 1.2.3.4.5
acl a src 0x1.2.3.4
acl a src *
acl a src -n localhost
acl a src 1.2.3.4/255
acl a src 1.2.3.4/-1
acl a src 1.2.3./24
acl a src 1..4
acl a src [::1]
acl a src 1.2.3.4/8/8
acl a src 1.2.3.4 -f /dev/null
acl a dst_port 90:80
acl a dst_port xx
acl a dst_port -1
acl a dst_port 3.1
acl a dst_port 99999999999999999999999
acl a dst_port 0x10
acl a dst_port +5
acl a dst_port :
acl a dst_port 1::2
acl a dst_port -- -5:-3
acl a dst_port -- -5:
acl a dst_port 1:2:3
acl a dst_port gt:5
acl a dst_port 80,90
acl a dst_port gt 5 -m int
acl a always_true -m ip 1.2.3.4
acl a nosuch 1
acl a src(1) 1.2.3.4
acl a be_conn(b,b) gt 1
acl a be_conn(b)gt 1
acl a srv_is_up(b/s)x
acl a srv_is_up(b/s
acl a -m str
acl a str(x) -m foo x
acl a str(x) -m
acl a str(x) -f
acl a str(x) -f /no/such/file
acl a str(x) -q x
acl a str(x) -m bin 616
acl a str(x) -m bin zz
acl a str(x) -m reg [
acl a str(x) -u x y
acl a str(x) -f /dev/null -m beg x
acl a bin(6162) 6162
acl a bin(616) -m bin 61
acl a bin -m bin 61
acl a bin(6162) -m int 1
acl a bin(6162) -m ip 1.2.3.4
acl a bin(6162) -m bool
acl a bool(x)
acl a bool
acl a int(x) 5
acl a int() 5
acl a int 5
acl a ipv4(x) 1.2.3.4
acl a ipv4(127.1) 1.2.3.4
acl a ipv4(::1) ::1
acl a ipv6(1.2.3.4) 1.2.3.4
acl a ipv6(::1) -m int 1
acl a meth(GET) GET
acl a meth(GET) -m int 0
acl a str(x),nosuch x
acl a date(5,xx) -m found
acl a date(5,) -m found
acl a uuid(3) -m found
acl a str(a,b) x
acl a str("a,b) x
use_backend b when TRUE
use_backend b if nosuch
use_backend b if true
use_backend b if { TRUE }
use_backend b if {always_true}
use_backend b if { always_true
use_backend b if { }
use_backend b if {
use_backend b if }
use_backend b if { src 1.2.3.4 or TRUE }
use_backend b if TRUE and FALSE
use_backend b if TRUE && FALSE
use_backend b if { unknown x }
use_backend b if { always_true } }
use_backend b if { { always_true } }
""".strip().splitlines()
"""Lines that the reference refuses."""

ACCEPTED = """
acl a src
acl a src 1.2.3.4
acl a src 1.2.3.4 1.2
acl a src 1.2.3.4/255.255.0.0
acl a src 1.2.3.4/255.0.255.0
acl a src 1.2.3.4/08
acl a src() 1.2.3.4
acl a src -n -m ip 1.2.3.4
acl a src -f /dev/null
acl a src -u 5 1.2.3.4
acl a src -i 1.2.3.4
acl a.b:c-d_e src 1
acl TRUE src 1.2.3.4
acl a dst_port gt
acl a dst_port -- gt 5
acl a always_true 1
acl a always_true -i
acl a fe_conn
acl a fe_conn() gt 1
acl a str x
acl a str(x),
acl a str(a:b) a:b
acl a be_name x
use_backend b if
use_backend b unless
use_backend b if TRUE or or FALSE
use_backend b if !or
use_backend b if { be_name b }
""".strip().splitlines()
"""Lines that the reference accepts, with or without a warning."""

UNRESOLVED = """
acl a fe_conn(b) gt 1
acl a fe_conn(x) gt 1
acl a be_conn(f) gt 1
acl a be_conn(x) gt 1
acl a be_conn gt 1
acl a nbsrv gt 1
acl a srv_is_up(s)
acl a srv_is_up(b/x)
acl a srv_is_up(x/s)
use_backend b if { be_conn gt 1 }
""".strip().splitlines()
"""Lines of a frontend `f`, beside a backend `b` with a server `s`, that name what does not exist."""

RESOLVED = """
acl a fe_conn gt 1
acl a fe_conn(f) gt 1
acl a be_conn(b) gt 1
acl a nbsrv(b) gt 1
acl a srv_is_up(b/s)
use_backend b if { be_conn(b) gt 1 }
""".strip().splitlines()
