package access

import (
	"strings"
	"unicode/utf8"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// EveryAction is the action of a path that means all actions of the resource.
const EveryAction = "*"

// DataPath is what a policy allows or denies, written "namespace/resource[/node...]/action".
type DataPath struct {
	Namespace, Resource string
	Node                string // the codes from the top of a tree, with slashes between; "" for the resource as a whole
	Action              string // or EveryAction
}

// String is the path as it is written.
func (p DataPath) String() string {
	parts := []string{p.Namespace, p.Resource}
	if p.Node != "" {
		parts = append(parts, p.Node)
	}
	return strings.Join(append(parts, p.Action), "/")
}

// longestPath is how many bytes a path may have.
const longestPath = 4096

// ParseDataPath reads a path. "namespace/resource*", which the wire's description writes, is "namespace/resource/*". What is no path
// is fault.Field("permissions").
func ParseDataPath(s string) (DataPath, error) {
	wrong := fault.Field("permissions")
	if len(s) > longestPath || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return DataPath{}, wrong
	}
	parts := strings.Split(strings.TrimPrefix(s, "/"), "/")
	if len(parts) == 2 && len(parts[1]) > 1 && strings.HasSuffix(parts[1], "*") {
		parts = []string{parts[0], strings.TrimSuffix(parts[1], "*"), EveryAction}
	}
	if len(parts) < 3 || len(parts) > 3+deepestData {
		return DataPath{}, wrong
	}
	last := len(parts) - 1
	for i, part := range parts {
		if i == last && part == EveryAction {
			continue
		}
		most := directory.MaxCode
		if i == last {
			most = longestAction
		}
		if checkPart("permissions", part, most) != nil {
			return DataPath{}, wrong
		}
	}
	return DataPath{parts[0], parts[1], strings.Join(parts[2:last], "/"), parts[last]}, nil
}

// DataPlace is where something may be done: a resource of a namespace, or a node of one.
type DataPlace struct{ Resource, Node string }

// ParseDataPlace reads "resource[/node...]", with or without a slash before it. What cannot be a place is one without a resource,
// which nothing is allowed on.
func ParseDataPlace(s string) DataPlace {
	if len(s) > longestPath {
		return DataPlace{}
	}
	resource, node, _ := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	return DataPlace{resource, node}
}
