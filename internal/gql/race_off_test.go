//go:build !race

package gql

const slowness = 1
