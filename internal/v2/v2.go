// Package v2 is the facade of the V2 wire: GraphQL at /graphql/v2 and REST under /api/v2. It translates between the wire's
// requests and answers and the domain, and decides nothing.
package v2

import (
	"net/http"
	"slices"

	"github.com/guildhall-id/guildhall/contract"
	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/gql"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Options are what the facade is built from.
type Options struct {
	Directory *directory.Directory
	Access    *access.Access
	Signin    *signin.Signin
	Log       *audit.Log
	DB        *db.DB // for its clock

	Limits       op.Limits
	DefaultPhoto string // address of the picture of users who have none; "" leaves them without
	BaseURL      string // where clients reach the server
	Version      string // of the server, as clients are told
}

// API serves the wire.
type API struct {
	dir    *directory.Directory
	access *access.Access
	signin *signin.Signin
	log    *audit.Log
	db     *db.DB

	limits                  op.Limits
	photo, baseURL, version string

	schema *gql.Schema
	routes []op.Op // those of the contract that are served, and those that say they are not
}

// New builds the facade. The error is a fault of the program: schema and resolvers do not fit.
func New(o Options) (*API, error) {
	a := &API{dir: o.Directory, access: o.Access, signin: o.Signin, log: o.Log, db: o.DB,
		limits: o.Limits, photo: o.DefaultPhoto, baseURL: o.BaseURL, version: o.Version}
	var err error
	if a.schema, err = gql.New(contract.V2Schema, gql.Limits{}); err != nil {
		return nil, err
	}
	a.register(a.schema)
	if err := a.schema.Check(); err != nil {
		return nil, err
	}
	known, err := contractRoutes()
	if err != nil {
		return nil, err
	}
	tables := a.tables()
	a.routes = append(tables, unserved(tables, known)...)
	return a, nil
}

// register is the table of contents of the GraphQL half: who may call what.
func (a *API) register(s *gql.Schema) {
	key, anyone, keyOrUser := op.ManagementKey, op.Anyone, op.KeyOrUser

	s.Query("accessToken", root(anyone, a.accessToken))
	s.Mutation("refreshAccessToken", root(anyone, a.refreshAccessToken))
	s.Query("checkLoginStatus", root(anyone, a.checkLoginStatus))
	s.Query("checkPasswordStrength", root(anyone, a.checkPasswordStrength))
	s.Mutation("refreshToken", root(keyOrUser, a.refreshToken))

	s.Query("userpool", root(key, a.userpool))
	s.Bind("UserPool", userPool{})
	s.Mutation("updateUserpool", root(key, a.updateUserpool))
	s.Mutation("refreshUserpoolSecret", root(key, a.refreshUserpoolSecret))
	s.Query("whitelist", root(key, a.whitelist))
	s.Mutation("addWhitelist", root(key, a.addWhitelist))
	s.Mutation("removeWhitelist", root(key, a.removeWhitelist))
	s.Bind("WhiteList", whitelistEntry{})

	s.Query("user", root(keyOrUser, a.user))
	s.Query("users", root(key, a.users))
	s.Query("archivedUsers", root(key, a.archivedUsers))
	s.Query("userBatch", root(key, a.userBatch))
	s.Query("searchUser", root(key, a.searchUser))
	s.Query("findUser", root(key, a.findUser))
	s.Query("isUserExists", root(anyone, a.isUserExists))
	s.Mutation("createUser", root(key, a.createUser))
	s.Mutation("updateUser", root(keyOrUser, a.updateUser))
	s.Mutation("deleteUser", root(key, a.deleteUser))
	s.Mutation("deleteUsers", root(key, a.deleteUsers))
	s.Bind("User", user{})
	s.Field("User", "roles", nested(keyOrUser, a.userRoles))
	s.Field("User", "groups", nested(keyOrUser, a.userGroups))
	s.Field("User", "departments", nested(keyOrUser, a.userDepartments))
	s.Field("User", "authorizedResources", nested(keyOrUser, a.userResources))

	s.Query("group", root(key, a.group))
	s.Query("groups", root(key, a.groups))
	s.Mutation("createGroup", root(key, a.createGroup))
	s.Mutation("updateGroup", root(key, a.updateGroup))
	s.Mutation("deleteGroups", root(key, a.deleteGroups))
	s.Mutation("addUserToGroup", root(key, a.addUserToGroup))
	s.Mutation("removeUserFromGroup", root(key, a.removeUserFromGroup))
	s.Bind("Group", group{})
	s.Field("Group", "users", nested(key, a.groupUsers))
	s.Field("Group", "authorizedResources", nested(keyOrUser, a.groupResources))

	s.Query("org", root(key, a.org))
	s.Query("orgs", root(key, a.orgs))
	s.Query("rootNode", root(key, a.rootNode))
	s.Query("nodeById", root(key, a.nodeByID))
	s.Query("nodeByCode", root(key, a.nodeByCode))
	s.Query("isRootNode", root(key, a.isRootNode))
	s.Query("childrenNodes", root(key, a.childrenNodes))
	s.Query("searchNodes", root(key, a.searchNodes))
	s.Mutation("createOrg", root(key, a.createOrg))
	s.Mutation("deleteOrg", root(key, a.deleteOrg))
	s.Mutation("addNode", root(key, a.addNode))
	s.Mutation("addNodeV2", root(key, a.addNodeV2))
	s.Mutation("updateNode", root(key, a.updateNode))
	s.Mutation("deleteNode", root(key, a.deleteNode))
	s.Mutation("moveNode", root(key, a.moveNode))
	s.Mutation("addMember", root(key, a.addMember))
	s.Mutation("removeMember", root(key, a.removeMember))
	s.Mutation("moveMembers", root(key, a.moveMembers))
	s.Mutation("setMainDepartment", root(key, a.setMainDepartment))
	s.Field("Node", "users", nested(key, a.nodeUsers))
	s.Field("Node", "roles", nested(key, a.nodeRoles))
	s.Field("Node", "authorizedResources", nested(keyOrUser, a.nodeResources))
	s.Bind("Org", org{})
	s.Bind("Node", node{})
	s.Bind("PaginatedOrgs", page[org]{})

	s.Query("udf", root(key, a.udf))
	s.Mutation("setUdf", root(key, a.setUdf))
	s.Mutation("removeUdf", root(key, a.removeUdf))
	s.Query("udv", root(keyOrUser, a.udv))
	s.Query("udfValueBatch", root(key, a.udfValueBatch))
	s.Mutation("setUdv", root(keyOrUser, a.setUdv))
	s.Mutation("setUdvBatch", root(keyOrUser, a.setUdvBatch))
	s.Mutation("setUdfValueBatch", root(key, a.setUdfValueBatch))
	s.Mutation("removeUdv", root(keyOrUser, a.removeUdv))
	s.Bind("UserDefinedField", field{})
	s.Bind("UserDefinedData", customValue{})
	s.Bind("UserDefinedDataMap", targetValues{})

	s.Query("role", root(key, a.role))
	s.Query("roles", root(key, a.roles))
	s.Mutation("createRole", root(key, a.createRole))
	s.Mutation("updateRole", root(key, a.updateRole))
	s.Mutation("deleteRole", root(key, a.deleteRole))
	s.Mutation("deleteRoles", root(key, a.deleteRoles))
	s.Mutation("assignRole", root(key, a.assignRole))
	s.Mutation("revokeRole", root(key, a.revokeRole))
	s.Bind("Role", role{})
	s.Field("Role", "users", nested(key, a.roleUsers))
	s.Field("Role", "authorizedResources", nested(keyOrUser, a.roleResources))
	s.Field("Role", "parent", nested(keyOrUser, a.roleParent))

	s.Mutation("allow", root(key, a.allow))
	s.Mutation("authorizeResource", root(key, a.authorizeResource))
	s.Query("authorizedResources", root(key, a.authorizedResources))
	s.Query("isActionAllowed", root(key, a.isActionAllowed))
	s.Query("isActionDenied", root(key, a.isActionDenied))
	s.Query("authorizedTargets", root(key, a.authorizedTargets))
	s.Bind("PaginatedAuthorizedTargets", page[authorizedTarget]{})
	s.Bind("PaginatedAuthorizedResources", page[authorizedResource]{})

	s.Query("policy", root(key, a.policy))
	s.Query("policies", root(key, a.policies))
	s.Query("policyAssignments", root(key, a.policyAssignments))
	s.Mutation("createPolicy", root(key, a.createPolicy))
	s.Mutation("updatePolicy", root(key, a.updatePolicy))
	s.Mutation("deletePolicy", root(key, a.deletePolicy))
	s.Mutation("deletePolicies", root(key, a.deletePolicies))
	s.Mutation("addPolicyAssignments", root(key, a.addPolicyAssignments))
	s.Mutation("removePolicyAssignments", root(key, a.removePolicyAssignments))
	s.Mutation("enablePolicyAssignment", root(key, a.enablePolicyAssignment))
	s.Mutation("disbalePolicyAssignment", root(key, a.disablePolicyAssignment)) // so spelt on the wire
	s.Bind("Policy", policy{})
	s.Field("Policy", "assignments", nested(key, a.assignmentsOf))
	s.Bind("PaginatedPolicies", page[policy]{})
	s.Bind("PaginatedPolicyAssignments", page[policyAssignment]{})

	a.registerSignIn(s)
	s.Bind("CommonMessage", commonMessage{})
	s.Bind("AccessTokenRes", accessToken{})
	s.Bind("RefreshAccessTokenRes", accessToken{})
	s.Bind("RefreshToken", userToken{})
	s.Bind("JWTTokenStatus", tokenStatus{})
	s.Bind("CheckPasswordStrengthResult", passwordStrength{})
	s.Bind("PaginatedUsers", page[user]{})
	s.Bind("PaginatedGroups", page[group]{})
	s.Bind("PaginatedRoles", page[role]{})
	s.Unserved(func(field string) error {
		return fault.New(fault.Unsupported, "operation_unsupported", rootName(field))
	})
}

// tables are all REST routes that are served.
func (a *API) tables() []op.Op {
	return slices.Concat(a.served(), a.applicationRoutes(), a.publicRoutes(), a.signInRoutes(), a.mfaOperations())
}

// served is the table of contents of the REST half, in the contract's order.
func (a *API) served() []op.Op {
	key, anyone := op.ManagementKey, op.Anyone
	return []op.Op{
		op.Get("/api/v2/.well-known", "publicKey", anyone, a.publicKey),
		op.Post("/api/v2/acl/authorize-resources", "authorizeResources", key, a.authorizeResources),
		op.Query("/api/v2/acl/is-allowed", "isAllowed", key, a.isAllowed),
		op.Query("/api/v2/acl/list-authorized-resources-batch", "listAuthorizedResourcesBatch", key, a.authorizedResourcesBatch),
		op.Post("/api/v2/acl/revoke-resource", "revokeResource", key, a.revokeResource),
		op.Post("/api/v2/acl/revoke-resources", "revokeResources", key, a.revokeResources),
		op.Get("/api/v2/analysis/audit", "listAuditLogs", key, a.auditLogs),
		op.Get("/api/v2/analysis/exist-defined-field-count", "getUdfFieldUserNum", key, a.fieldCount),
		op.Get("/api/v2/analysis/total-login-count", "getApplicationLoginUserNum", key, a.totalLoginCount),
		op.Get("/api/v2/analysis/user-action", "listUserActions", key, a.userActions),
		op.Delete("/api/v2/applications/programmatic-access-accounts", "deleteProgrammaticAccessAccount", key, a.deleteProgrammaticAccount),
		op.Patch("/api/v2/applications/programmatic-access-accounts", "disableProgrammaticAccessAccount", key, a.updateProgrammaticAccount),
		op.Post("/api/v2/applications/{appId}/authorization/allow", "allowAccessApplication", key, a.allowAppAccess),
		op.Post("/api/v2/applications/{appId}/authorization/deny", "denyAccessApplication", key, a.denyAppAccess),
		op.Post("/api/v2/applications/{appId}/authorization/disable-effect", "disableApplicationAccessPolicy", key, a.disableAppAccess),
		op.Post("/api/v2/applications/{appId}/authorization/enable-effect", "enableApplicationAccessPolicy", key, a.enableAppAccess),
		op.Get("/api/v2/applications/{appId}/authorization/records", "getApplicationAccessPolicies", key, a.appPolicies),
		op.Post("/api/v2/applications/{appId}/authorization/revoke", "deleteApplicationAccessPolicy", key, a.revokeAppAccess),
		op.Get("/api/v2/applications/{appId}/programmatic-access-accounts", "programmaticAccessAccountList", key, a.programmaticAccounts),
		op.Post("/api/v2/applications/{appId}/programmatic-access-accounts", "createProgrammaticAccessAccount", key, a.createProgrammaticAccount),
		op.Get("/api/v2/env", "listEnv", key, a.listEnv),
		op.Post("/api/v2/env", "addEnv", key, a.addEnv),
		op.Delete("/api/v2/env/{key}", "removeEnv", key, a.removeEnv),
		op.Get("/api/v2/oidc/validate_token", "validateToken", anyone, a.validateToken),
		op.Get("/api/v2/orgs", "getAllOrgs", key, a.getAllOrgs),
		op.Get("/api/v2/orgs/by-tenant", "getOrgByTenantId", key, a.orgByTenant),
		op.Get("/api/v2/orgs/count", "getAllOrgs", key, a.countOrgs),
		op.Get("/api/v2/orgs/export", "exportAll", key, a.exportOrgs),
		op.Post("/api/v2/orgs/import", "importByJson", key, a.importOrg),
		op.Get("/api/v2/policies/assignments/by-target", "getPoliciesAssignmentsCondition", key, a.assignmentsByTarget),
		op.Get("/api/v2/resource-namespace/{userPoolId}", "listNamespaces", key, a.listNamespaces),
		op.Post("/api/v2/resource-namespace/{userPoolId}", "createNamespace", key, a.createNamespace),
		op.Delete("/api/v2/resource-namespace/{userPoolId}/code/{code}", "deleteNamespace", key, a.deleteNamespace),
		op.Put("/api/v2/resource-namespace/{userPoolId}/code/{code}", "updateNamespace", key, a.updateNamespace),
		op.Get("/api/v2/resources", "listResources", key, a.listResources),
		op.Post("/api/v2/resources", "createResource", key, a.createResource),
		op.Post("/api/v2/resources/bulk", "batchInsertResource", key, a.createResources),
		op.Get("/api/v2/resources/detail", "getResourceByCode", key, a.resourceDetail),
		op.Delete("/api/v2/resources/{code}", "deleteResource", key, a.deleteResource),
		op.Post("/api/v2/resources/{code}", "updateResource", key, a.updateResource),
		op.Get("/api/v2/userpools/detail", "detail", key, a.userpool),
		op.Query("/api/v2/roles/roleUsers", "findUsers", key, a.findRoleUsers),
		op.Query("/api/v2/users/batch", "batch", key, a.postBatch),
		op.Query("/api/v2/users/filter", "filter", key, a.filterUsers),
		op.Post("/api/v2/users/identity/link", "linkIdentity", key, a.linkIdentity),
		op.Post("/api/v2/users/identity/unlink", "unlinkIdentity", key, a.unlinkIdentity),
		op.Post("/api/v2/users/kick", "kick", key, a.kick),
		op.Get("/api/v2/users/login-status", "checkLoginStatus", key, a.loginStatus),
		op.Get("/api/v2/users/me/orgs", "listOrgs", op.SignedInUser, a.ownOrgs),
		op.Get("/api/v2/users/{userId}", "detail", key, a.getUser),
		op.Get("/api/v2/users/{userId}/orgs", "listOrgs", key, a.userOrgs),
		op.Get("/api/v2/users/{userId}/tenants", "getUserTenants", key, a.userTenants),
	}
}

// Mount serves the wire on mux: GraphQL at /graphql/v2 and /graphql, the routes of the table, and an answer in the wire's own
// form for whatever else is asked for under /api/v2/. Pages of other origins reach it through CORS, which the server puts
// around the mux.
func (a *API) Mount(mux *http.ServeMux) {
	graphql := graphqlWire{a}
	documents := op.Regrade(op.Query("/graphql/v2", "graphql", op.Anyone, a.graphql), a.classOf)
	for _, path := range []string{"/graphql/v2", "/graphql"} {
		mux.Handle("POST "+path, withBearing(op.Handler(documents, graphql, a.limits)))
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			graphql.Fail(w, r, &documents, caller.From(r.Context()), errMethodNotAllowed)
		})
	}
	rest := restWire{a}
	for _, o := range a.routes {
		mux.Handle(o.Pattern(), withBearing(op.Handler(o, rest, a.limits)))
	}
	a.mountSignIn(mux)
	mountCDN(mux)
	mux.HandleFunc("/api/v2/", func(w http.ResponseWriter, r *http.Request) {
		rest.Fail(w, r, &op.Op{}, caller.From(r.Context()), errRouteNotFound)
	})
}
