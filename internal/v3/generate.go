package v3

//go:generate go run ../tools/contractgen
