//go:build race

package gql

// slowness is by how much the race detector stretches time limits.
const slowness = 10
