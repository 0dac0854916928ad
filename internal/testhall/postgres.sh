# Runs one PostgreSQL cluster for tests for as long as standard input stays open, then removes it with all its files.
# Whoever holds the other end of the pipe may end in any way, kill -9 included: the pipe closes and nothing is left.
#
#   sh postgres.sh BIN DIR
#
# BIN holds initdb and postgres. DIR is an empty directory of the calling user, who must not be root; it comes to hold
# the data and the socket, so its path must be short. The cluster's superuser is guildhall, without a password: only DIR's owner
# (and root) can reach the socket, and there is no TCP port.
exec 3<&0 </dev/null
"$1/initdb" --no-sync --auth=trust -E UTF8 --locale=C -U guildhall -D "$2/data" 3<&- || { rm -rf "$2"; exit 1; }
"$1/postgres" -D "$2/data" -c unix_socket_directories="$2" -c listen_addresses= -c port=5432 \
	-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB 3<&- &
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
cd / && rm -rf "$2"
