package v3

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// treeNode is a department of a tree: the request again, below its root.
type treeNode struct {
	Name     string         `json:"name"`
	Children jsontext.Value `json:"children"` // a list of names or of nodes
	Members  jsontext.Value `json:"members"`  // a member or a list of them: UserInfoDto
}

// treeMember is a member of a department of a tree: UserInfoDto.
type treeMember struct {
	Username         *string `json:"username"`
	Email            *string `json:"email"`
	Phone            *string `json:"phone"`
	PhoneCountryCode *string `json:"phoneCountryCode"`
	Name             *string `json:"name"`
	Gender           *string `json:"gender"` // M | F | U
	Country          *string `json:"country"`
	Province         *string `json:"province"`
	City             *string `json:"city"`
}

func (m *treeMember) input() directory.UserInput {
	return directory.UserInput{Username: m.Username, Email: m.Email, Phone: m.Phone, PhoneCountryCode: m.PhoneCountryCode, Name: m.Name,
		Gender: m.Gender, Country: m.Country, Province: m.Province, City: m.City, Strict: true}
}

func (n *treeNode) tree() (directory.NamedTree, error) {
	t := directory.NamedTree{Name: n.Name}
	var members []treeMember
	if err := listOrOne("members", n.Members, &members); err != nil {
		return t, err
	}
	for i := range members {
		t.Members = append(t.Members, members[i].input())
	}
	var children []jsontext.Value
	if err := listOrOne("children", n.Children, &children); err != nil {
		return t, err
	}
	for _, c := range children {
		var child treeNode
		var err error
		switch c.Kind() {
		case '"':
			err = json.Unmarshal(c, &child.Name)
		case '{':
			err = json.Unmarshal(c, &child)
		default:
			err = fault.Field("children")
		}
		if err != nil {
			return t, fault.Field("children").Because(err)
		}
		below, err := child.tree()
		if err != nil {
			return t, err
		}
		t.Children = append(t.Children, below)
	}
	return t, nil
}

// listOrOne decodes a list, or one element of it. The error is fault.Field(name).
func listOrOne[T any](name string, v jsontext.Value, into *[]T) error {
	var err error
	switch {
	case v == nil || v.Kind() == 'n':
	case v.Kind() == '[':
		err = json.Unmarshal(v, into)
	default:
		*into = make([]T, 1)
		err = json.Unmarshal(v, &(*into)[0])
	}
	if err != nil {
		return fault.Field(name).Because(err)
	}
	return nil
}

// treeResult is what a tree has changed: Result.
type treeResult struct {
	AddUser          int `json:"addUser"`
	UpdateUser       int `json:"updateUser"`
	AddDepartment    int `json:"addDepartment"`
	UpdateDepartment int `json:"updateDepartment"`
}

// createDepartmentTree makes what a tree of names has and the pool has not: see directory.MergeTree.
func (a *API) createDepartmentTree(ctx context.Context, in *CreateDepartmentTreeReqDto) (*treeResult, error) {
	root := treeNode{Name: in.Name, Children: in.Children, Members: in.Members}
	t, err := root.tree()
	if err != nil {
		return nil, err
	}
	r, err := a.Directory.MergeTree(ctx, poolOf(ctx), t)
	if err != nil {
		return nil, err
	}
	return &treeResult{r.UsersAdded, r.UsersUpdated, r.DepartmentsAdded, r.DepartmentsUpdated}, nil
}
