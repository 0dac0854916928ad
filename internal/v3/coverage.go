package v3

import "github.com/guildhall-id/guildhall/internal/op"

// coverage splits the contract into the operations that ops serve, by method and path, and those that none serves, both
// in the contract's order.
func coverage(ops []op.Op) (served, missing []operation) {
	offered := map[string]bool{}
	for i := range ops {
		offered[ops[i].Pattern()] = true
	}
	for _, o := range operations {
		if offered[o.Method+" "+o.Path] {
			served = append(served, o)
		} else {
			missing = append(missing, o)
		}
	}
	return served, missing
}

// unserved answers an operation of the contract that is not offered: statusCode 501, with its name.
func unserved(o operation) op.Op { return op.Unserved(o.Method, o.Path, o.Name) }
