# Runs one PostgreSQL cluster for as long as standard input stays open, then removes DIR with all its files.
# Whoever holds the other end of the pipe may end in any way, kill -9 included: the pipe closes and nothing is left.
#
#   sh postgres.sh BIN DIR DATA [SETTING...]
#
# BIN holds initdb and postgres. DIR is an empty directory of the calling user, who must not be root; it comes to hold the
# socket, so its path must be short. DATA is the cluster's data directory, made when it holds none: below DIR it goes with DIR,
# elsewhere it stays. Each SETTING is an argument of postgres. The cluster's superuser is guildhall, without a password: only DIR's owner
# (and root) can reach the socket, and there is no TCP port.
exec 3<&0 </dev/null
bin=$1 dir=$2 data=$3
shift 3
[ -f "$data/PG_VERSION" ] || "$bin/initdb" --no-sync --auth=trust -E UTF8 --locale=C -U guildhall -D "$data" 3<&- || { rm -rf "$dir"; exit 1; }
"$bin/postgres" -D "$data" -c unix_socket_directories="$dir" -c listen_addresses= -c port=5432 "$@" 3<&- &
postmaster=$!
{
	cat <&3 >/dev/null
	# A shell's background child ignores INT until PostgreSQL installs its handlers, so that INT alone may be lost just
	# after the start; TERM alone waits for clients. One of the two takes effect at any moment.
	kill -TERM $postmaster
	sleep 0.2
	kill -INT $postmaster
} 2>/dev/null &
wait $postmaster
cd / && rm -rf "$dir"
