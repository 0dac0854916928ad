package v2

import (
	"testing"

	"github.com/guildhall-id/guildhall/internal/directory"
)

func TestUserDepartments(t *testing.T) {
	eachHall(t, func(t *testing.T, h *hall) {
		ctx := h.one.As(t.Context())
		at := func(value string) directory.DepartmentRef {
			return directory.DepartmentRef{Organization: "acme", Value: value}
		}
		org, err := h.Directory.CreateOrganization(ctx, h.one.ID, directory.NewDepartment{Code: "acme", Name: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		sales, err := h.Directory.CreateDepartment(ctx, h.one.ID, at(directory.Root), directory.NewDepartment{Code: "sales", Name: "Sales"})
		if err != nil {
			t.Fatal(err)
		}
		north, err := h.Directory.CreateDepartment(ctx, h.one.ID, at(sales.ID), directory.NewDepartment{Code: "north", Name: "North"})
		if err != nil {
			t.Fatal(err)
		}
		name := "dora"
		u, err := h.Directory.CreateUser(ctx, h.one.ID, directory.NewUser{UserInput: directory.UserInput{Username: &name}})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Directory.AddDepartmentMembers(ctx, h.one.ID, at(sales.ID), []string{u.ID}); err != nil {
			t.Fatal(err)
		}
		h.known["dora"], h.known["acme"], h.known["sales"], h.known["north"] = u.ID, org.ID, sales.ID, north.ID
		const ask = `query($id: String, $org: String) { user(id: $id) { departments(orgId: $org) { totalCount list { isMainDepartment joinedAt
			department { id orgId name code root depth path codePath namePath children isVirtualNode } } } } }`
		h.run(t, []step{
			{name: "all", send: ask, with: `{"id": "$dora"}`, want: `{"user": {"departments": {"totalCount": 1, "list": [{"joinedAt": "*", "department":
				{"id": "$sales", "orgId": "$acme", "name": "Sales", "code": "sales", "root": false, "depth": 1, "path": ["$acme", "$sales"],
				"codePath": ["acme", "sales"], "namePath": ["Acme", "Sales"], "children": ["$north"], "isVirtualNode": false}}]}}}`},
			{name: "of an organisation", send: ask, with: `{"id": "$dora", "org": "$acme"}`, want: `{"user": {"departments": {"totalCount": 1}}}`},
			{name: "of another one", send: ask, with: `{"id": "$dora", "org": "$sales"}`, want: `{"user": {"departments": {"totalCount": 0, "list": []}}}`},
			{name: "from another pool", as: "key2", send: ask, with: `{"id": "$dora"}`, want: `{"user": null}`},
		})
	})
}
