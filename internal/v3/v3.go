package v3

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/guildhall-id/guildhall/internal/access"
	"github.com/guildhall-id/guildhall/internal/audit"
	"github.com/guildhall-id/guildhall/internal/caller"
	"github.com/guildhall-id/guildhall/internal/db"
	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
	"github.com/guildhall-id/guildhall/internal/notify"
	"github.com/guildhall-id/guildhall/internal/op"
	"github.com/guildhall-id/guildhall/internal/secret"
	"github.com/guildhall-id/guildhall/internal/signin"
)

// Options are what an API is built from. All must be set but DefaultPhoto and Version.
type Options struct {
	Directory *directory.Directory
	Access    *access.Access
	Signin    *signin.Signin
	Notify    *notify.Notify
	Log       *audit.Log
	DB        *db.DB
	Limits    op.Limits
	Now       func() time.Time
	Started   time.Time     // when the process began to serve
	Window    time.Duration // how far the date of a signed request may be from Now, on either side
	// DefaultPhoto is the picture of users who have none: an address.
	DefaultPhoto string
	Version      string // of the server, as GET /api/v3/system tells it
}

// API is the V3 wire over one server's domain.
type API struct {
	Options
	replays *replays
	// nobody is the secret of keys that do not exist: no caller knows it, and checking against it takes as long.
	nobody string
}

// replayMemory is how many signed reads within two windows are remembered: about 40 MB when full, nothing before.
const replayMemory = 1 << 20

// New builds the API.
func New(o Options) *API {
	return &API{Options: o, replays: newReplays(o.Started, o.Window, replayMemory), nobody: secret.Random(32)}
}

// Operations are all that the API serves: the contract's by domain in its order, then our own, which stand under /api/v3/x/.
func (a *API) Operations() []op.Op {
	key := op.ManagementKey
	return slices.Concat([]op.Op{
		// users
		op.Query("/api/v3/list-users", "listUsers", key, a.listUsers),
		op.Get("/api/v3/list-users", "listUsersLegacy", key, a.listUsersLegacy),
		op.Get("/api/v3/get-user", "getUser", key, a.getUser),
		op.Get("/api/v3/get-user-batch", "getUserBatch", key, a.getUserBatch),
		op.Query("/api/v3/users/field/decrypt", "userFieldDecrypt", key, a.userFieldDecrypt),
		op.Post("/api/v3/create-user", "createUser", key, a.createUser),
		op.Post("/api/v3/create-users-batch", "createUsersBatch", key, a.createUsersBatch),
		op.Post("/api/v3/update-user", "updateUser", key, a.updateUser),
		op.Post("/api/v3/update-user-batch", "updateUserBatch", key, a.updateUserBatch),
		op.Post("/api/v3/delete-users-batch", "deleteUsersBatch", key, a.deleteUsersBatch),
		op.Get("/api/v3/get-user-identities", "getUserIdentities", key, a.getUserIdentities),
		op.Get("/api/v3/get-user-roles", "getUserRoles", key, a.getUserRoles),
		op.Get("/api/v3/get-user-principal-authentication-info", "getUserPrincipalAuthenticationInfo", key, a.getUserPrincipalAuthenticationInfo),
		op.Post("/api/v3/reset-user-principal-authentication-info", "resetUserPrincipalAuthenticationInfo", key, a.resetUserPrincipalAuthenticationInfo),
		op.Get("/api/v3/get-user-departments", "getUserDepartments", key, a.getUserDepartments),
		op.Post("/api/v3/set-user-departments", "setUserDepartments", key, a.setUserDepartments),
		op.Get("/api/v3/get-user-groups", "getUserGroups", key, a.getUserGroups),
		op.Get("/api/v3/get-user-mfa-info", "getUserMfaInfo", key, a.getUserMfaInfo),
		op.Get("/api/v3/list-archived-users", "listArchivedUsers", key, a.listArchivedUsers),
		op.Post("/api/v3/kick-users", "kickUsers", key, a.kickUsers),
		op.Query("/api/v3/is-user-exists", "isUserExists", key, a.isUserExists),
		op.Get("/api/v3/get-user-accessible-apps", "getUserAccessibleApps", key, a.getUserAccessibleApps).Costs(op.List),
		op.Get("/api/v3/get-user-authorized-apps", "getUserAuthorizedApps", key, a.getUserAuthorizedApps).Costs(op.List),
		op.Query("/api/v3/has-any-role", "hasAnyRole", key, a.hasAnyRole),
		op.Get("/api/v3/get-user-login-history", "getUserLoginHistory", key, a.getUserLoginHistory),
		op.Get("/api/v3/get-user-loggedin-apps", "getUserLoggedinApps", key, a.getUserLoggedinApps).Costs(op.List),
		op.Get("/api/v3/get-user-logged-in-identities", "getUserLoggedinIdentities", key, a.getUserLoggedinIdentities),
		op.Post("/api/v3/resign-user", "resignUser", key, a.resignUser),
		op.Post("/api/v3/resign-user-batch", "resignUserBatch", key, a.resignUserBatch),
		op.Get("/api/v3/get-user-authorized-resources", "getUserAuthorizedResources", key, a.getUserAuthorizedResources).Costs(op.List),
		op.Query("/api/v3/check-session-status", "checkSessionStatus", key, a.checkSessionStatus),
		op.Post("/api/v3/import-otp", "importOtp", key, a.importOTP),
		op.Get("/api/v3/get-otp-secret-by-user", "getOtpSecretByUser", key, a.getOTPSecretByUser),
		op.Query("/api/v3/get-user-password-ciphertext", "getUserPasswordCiphertext", key, a.getUserPasswordCiphertext),
		op.Post("/api/v3/link-identity", "linkIdentity", key, a.linkIdentity),
		op.Post("/api/v3/unlink-identity", "unlinkIdentity", key, a.unlinkIdentity),
		op.Post("/api/v3/set-mfa-status", "setUsersMfaStatus", key, a.setUsersMFAStatus),
		op.Get("/api/v3/get-mfa-status", "getUserMfaStatus", key, a.getUserMFAStatus),
		op.Get("/api/v3/get-user-sync-relations", "getUserSyncRelations", key, a.getUserSyncRelations),
		op.Post("/api/v3/delete-user-sync-relations", "deleteUserSyncRelations", key, a.deleteUserSyncRelations),
		op.Query("/api/v3/batch-get-user-encrypt-password", "getUserEncryptPasswordBatch", key, a.getUserEncryptPasswordBatch),

		// groups
		op.Get("/api/v3/get-group", "getGroup", key, a.getGroup),
		op.Get("/api/v3/list-groups", "listGroups", key, a.listGroups),
		op.Get("/api/v3/get-all-groups", "getAllGroups", key, a.getAllGroups),
		op.Post("/api/v3/create-group", "createGroup", key, a.createGroup),
		op.Post("/api/v3/create-or-update-group", "createOrUpdateGroup", key, a.createOrUpdateGroup),
		op.Post("/api/v3/create-groups-batch", "createGroupsBatch", key, a.createGroupsBatch),
		op.Post("/api/v3/update-group", "updateGroup", key, a.updateGroup),
		op.Post("/api/v3/delete-groups-batch", "deleteGroupsBatch", key, a.deleteGroupsBatch),
		op.Post("/api/v3/add-group-members", "addGroupMembers", key, a.addGroupMembers),
		op.Post("/api/v3/remove-group-members", "removeGroupMembers", key, a.removeGroupMembers),
		op.Get("/api/v3/list-group-members", "listGroupMembers", key, a.listGroupMembers),
		op.Get("/api/v3/get-group-authorized-resources", "getGroupAuthorizedResources", key, a.getGroupAuthorizedResources).Costs(op.List),

		// roles
		op.Get("/api/v3/get-role", "getRole", key, a.getRole),
		op.Post("/api/v3/assign-role", "assignRole", key, a.assignRole),
		op.Post("/api/v3/assign-role-batch", "assignRoleBatch", key, a.assignRoleBatch),
		op.Post("/api/v3/revoke-role", "revokeRole", key, a.revokeRole),
		op.Post("/api/v3/revoke-role-batch", "revokeRoleBatch", key, a.revokeRoleBatch),
		op.Get("/api/v3/get-role-authorized-resources", "getRoleAuthorizedResources", key, a.getRoleAuthorizedResources).Costs(op.List),
		op.Get("/api/v3/list-role-members", "listRoleMembers", key, a.listRoleMembers),
		op.Get("/api/v3/list-role-departments", "listRoleDepartments", key, a.listRoleDepartments),
		op.Post("/api/v3/create-role", "createRole", key, a.createRole),
		op.Get("/api/v3/list-roles", "listRoles", key, a.listRoles),
		op.Post("/api/v3/delete-roles-batch", "deleteRolesBatch", key, a.deleteRolesBatch),
		op.Post("/api/v3/create-roles-batch", "createRolesBatch", key, a.createRolesBatch),
		op.Post("/api/v3/update-role", "updateRole", key, a.updateRole),
		op.Post("/api/v3/multiple-namespace-delete-roles-batch", "deleteRoles", key, a.deleteRoles),
		op.Query("/api/v3/check-role-params", "checkParamsNamespace", key, a.checkRoleParams),
		op.Get("/api/v3/list-role-assignments", "listRoleAssignments", key, a.listRoleAssignments),
		op.Post("/api/v3/create-admin-role", "createAdminRole", key, a.createAdminRole),
		op.Post("/api/v3/delete-admin-roles", "deleteAdminRolesBatch", key, a.deleteAdminRoles),
		op.Query("/api/v3/check-role-mutual-exclusion", "checkMutualExclusion", key, a.checkMutualExclusion),

		// organizations
		op.Get("/api/v3/get-organization", "getOrganization", key, a.getOrganization),
		op.Get("/api/v3/get-organization-batch", "getOrganizationsBatch", key, a.getOrganizationsBatch),
		op.Get("/api/v3/list-organizations", "listOrganizations", key, a.listOrganizations),
		op.Post("/api/v3/create-organization", "createOrganization", key, a.createOrganization),
		op.Post("/api/v3/update-organization", "updateOrganization", key, a.updateOrganization),
		op.Post("/api/v3/delete-organization", "deleteOrganization", key, a.deleteOrganization),
		op.Get("/api/v3/search-organizations", "searchOrganizations", key, a.searchOrganizations),
		op.Post("/api/v3/update-organization-status", "updateOrganizationStatus", key, a.updateOrganizationStatus),

		// departments
		op.Get("/api/v3/get-department", "getDepartment", key, a.getDepartment),
		op.Post("/api/v3/create-department", "createDepartment", key, a.createDepartment),
		op.Post("/api/v3/update-department", "updateDepartment", key, a.updateDepartment),
		op.Post("/api/v3/delete-department", "deleteDepartment", key, a.deleteDepartment),
		op.Query("/api/v3/search-departments", "searchDepartments", key, a.searchDepartments),
		op.Query("/api/v3/search-departments-list", "searchDepartmentsList", key, a.searchDepartmentsList),
		op.Get("/api/v3/list-children-departments", "listChildrenDepartments", key, a.listChildrenDepartments),
		op.Get("/api/v3/get-all-departments", "getAllDepartments", key, a.getAllDepartments),
		op.Get("/api/v3/list-department-members", "listDepartmentMembers", key, a.listDepartmentMembers),
		op.Get("/api/v3/list-department-member-ids", "listDepartmentMemberIds", key, a.listDepartmentMemberIDs),
		op.Get("/api/v3/search-department-members", "searchDepartmentMembers", key, a.searchDepartmentMembers),
		op.Post("/api/v3/add-department-members", "addDepartmentMembers", key, a.addDepartmentMembers),
		op.Post("/api/v3/remove-department-members", "removeDepartmentMembers", key, a.removeDepartmentMembers),
		op.Get("/api/v3/get-parent-department", "getParentDepartment", key, a.getParentDepartment),
		op.Get("/api/v3/is-user-in-department", "isUserInDepartment", key, a.isUserInDepartment),
		op.Get("/api/v3/get-department-by-id", "getDepartmentById", key, a.getDepartmentByID),
		op.Query("/api/v3/get-department-available-app", "getDepartmentAllApp", key, a.getDepartmentAllApp),
		op.Get("/api/v3/get-department-sync-relations", "getDepartmentSyncRelations", key, a.getDepartmentSyncRelations),
		op.Post("/api/v3/delete-department-sync-relations", "deleteDepartmentSyncRelations", key, a.deleteDepartmentSyncRelations),
		op.Post("/api/v3/create-department-tree", "createDepartmentTree", key, a.createDepartmentTree),
		op.Post("/api/v3/update-department-status", "updateNodeStatus", key, a.updateDepartmentStatus),

		// posts
		op.Get("/api/v3/list-post", "postList", key, a.postList),
		op.Query("/api/v3/list-post", "postListBatch", key, a.postListBatch),
		op.Get("/api/v3/get-post", "getPost", key, a.getPost),
		op.Get("/api/v3/get-user-posts", "getUserPosts", key, a.getUserPosts),
		op.Get("/api/v3/get-user-post", "getUserPost", key, a.getUserPost),
		op.Query("/api/v3/get-post-by-id", "getPostById", key, a.getPostByID),
		op.Post("/api/v3/create-post", "createPost", key, a.createPost),
		op.Post("/api/v3/update-post", "updatePost", key, a.updatePost),
		op.Post("/api/v3/remove-post", "removePost", key, a.removePost),
		op.Post("/api/v3/set-user-posts", "setUserPosts", key, a.setUserPosts),
		op.Post("/api/v3/user-connection-post", "userConnectionPost", key, a.userConnectionPost),

		// udf
		op.Get("/api/v3/get-user-base-fields", "getUserBaseFields", key, a.getUserBaseFields),
		op.Get("/api/v3/list-user-base-fields", "listUserBaseFields", key, a.listUserBaseFields),
		op.Post("/api/v3/set-user-base-fields", "setUserBaseFields", key, a.setUserBaseFields),
		op.Get("/api/v3/get-custom-fields", "getCustomFields", key, a.getCustomFields),
		op.Get("/api/v3/list-custom-fields", "listCustFields", key, a.listCustomFields),
		op.Post("/api/v3/set-custom-fields", "setCustomFields", key, a.setCustomFields),
		op.Post("/api/v3/delete-custom-fields", "deleteCustomFields", key, a.deleteCustomFields),
		op.Post("/api/v3/set-custom-data", "setCustomData", key, a.setCustomData),
		op.Get("/api/v3/get-custom-data", "getCustomData", key, a.getCustomData),

		// audit
		op.Query("/api/v3/get-user-action-logs", "getUserActionLogs", key, a.getUserActionLogs),
		op.Query("/api/v3/get-admin-audit-logs", "getAdminAuditLogs", key, a.getAdminAuditLogs),

		// whitelist
		op.Get("/api/v3/list-whitelist", "listWhitelists", key, a.listWhitelists),
		op.Post("/api/v3/add-whitelist", "addWhitelist", key, a.addWhitelist),
		op.Post("/api/v3/delete-whitelist", "deleteWhitelist", key, a.deleteWhitelist),
		op.Get("/api/v3/list-whitelist-of-app", "listWhitelistsOfApp", key, a.listWhitelistsOfApp),
		op.Post("/api/v3/add-whitelist-of-app", "addWhitelistOfApp", key, a.addWhitelistOfApp),
		op.Post("/api/v3/delete-whitelist-of-app", "deleteWhitelistOfApp", key, a.deleteWhitelistOfApp),

		// access-key
		op.Get("/api/v3/list-access-key", "getAccessKeyList", key, a.getAccessKeyList),
		op.Get("/api/v3/get-access-key", "getAccessKey", key, a.getAccessKey),
		op.Post("/api/v3/create-access-key", "createAccessKey", key, a.createAccessKey),
		op.Post("/api/v3/delete-access-key", "deleteAccessKey", key, a.deleteAccessKey),
		op.Post("/api/v3/update-access-key", "updateAccessKey", key, a.updateAccessKey),
		op.Query("/api/v3/get-management-token", "getManagementToken", op.Anyone, a.getManagementToken),

		// public-info
		op.Get("/api/v3/system", "getSystemInfo", op.Anyone, a.getSystemInfo),
	}, a.dataPermissionOperations(), a.ownPermissionOperations(), a.periodOperations(), a.ruleOperations(), a.explainOperations(), a.resourceOperations(), a.applicationAccessOperations(),
		a.applicationOperations(), a.securityOperations(), a.ownApplicationOperations(), a.applyOperations(),
		a.passcodeOperations(), a.messageOperations(),
		a.signinOperations(), a.scanOperations(), a.mfaOperations(), a.passkeyOperations(), a.profileOperations(), a.myOperations(), a.eventOperations())
}

// Mount puts the whole wire into mux: what is served, what the contract has beside it (statusCode 501), and all else
// under /api/v3/, other methods of known paths too (404). Everything answers in the envelope.
func (a *API) Mount(mux *http.ServeMux) {
	ops := a.Operations()
	for _, o := range ops {
		mux.Handle(o.Pattern(), withShown(op.Handler(o, a.wireOf(&o), a.Limits)))
	}
	_, missing := coverage(ops)
	for _, row := range missing {
		o := unserved(row)
		mux.Handle(o.Pattern(), op.Handler(o, a.wireOf(&o), a.Limits))
	}
	mux.HandleFunc("GET /api/v3/captcha-code", a.captchaPicture)
	mux.HandleFunc("/api/v3/", func(w http.ResponseWriter, r *http.Request) {
		envelope{}.Fail(w, r, &op.Op{}, baseCaller(r), fault.New(fault.NotFound, "operation_unknown"))
	})
}

// poolOf is the pool that the caller works in.
func poolOf(ctx context.Context) string { return caller.From(ctx).PoolID }

// success is the answer of operations that have nothing to tell.
type success struct {
	Success bool `json:"success"`
}

// succeeded is the answer to err, which may be nil.
func succeeded(err error) (success, error) { return success{err == nil}, err }

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func pageOf(page, limit int64) directory.Page {
	return directory.Page{Page: int(page), Limit: int(limit)}
}
