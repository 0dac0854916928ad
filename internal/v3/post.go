package v3

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guildhall-id/guildhall/internal/directory"
	"github.com/guildhall-id/guildhall/internal/fault"
)

// postDTO is a post as the wire shows one: PostDto.
type postDTO struct {
	ID          string `json:"id"`
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// postInfoDTO is a post with the departments that have it: PostInfoDto.
type postInfoDTO struct {
	postDTO
	DepartmentIDList []string `json:"departmentIdList"`
}

// postItemDTO is a post in a list: PostItemDto.
type postItemDTO struct {
	postDTO
	UserCount       int64    `json:"userCount"`
	DepartmentCount int64    `json:"departmentCount"`
	MetadataSource  []string `json:"metadataSource"`
}

func viewPost(p *directory.Post) postDTO { return postDTO{p.ID, p.Code, p.Name, p.Description} }

// showPost is the answer that is p, or err.
func (a *API) showPost(ctx context.Context, p *directory.Post, err error) (*postInfoDTO, error) {
	if err != nil {
		return nil, err
	}
	departments, err := a.Directory.DepartmentIDsOfPost(ctx, p.PoolID, p.ID)
	return &postInfoDTO{viewPost(p), departments}, err
}

func (a *API) postList(ctx context.Context, in *PostListParams) (*Page[postItemDTO], error) {
	return a.posts(ctx, directory.PostQuery{Keywords: value(in.Keywords), CreatedAfter: value(in.CreatedAfter), CreatedBefore: value(in.CreatedBefore),
		UpdatedAfter: value(in.UpdatedAfter), UpdatedBefore: value(in.UpdatedBefore), Page: pageOf(in.Page, in.Limit)})
}

func (a *API) postListBatch(ctx context.Context, in *ListPostBatchDto) (*Page[postItemDTO], error) {
	return a.posts(ctx, directory.PostQuery{Keywords: value(in.Keywords), Codes: in.PostCodes, CreatedAfter: value(in.CreatedAfter),
		CreatedBefore: value(in.CreatedBefore), UpdatedAfter: value(in.UpdatedAfter), UpdatedBefore: value(in.UpdatedBefore), Page: pageOf(in.Page, in.Limit)})
}

func (a *API) posts(ctx context.Context, q directory.PostQuery) (*Page[postItemDTO], error) {
	found, total, err := a.Directory.Posts(ctx, poolOf(ctx), q)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	facts, err := a.Directory.PostFacts(ctx, poolOf(ctx), ids)
	list := make([]postItemDTO, len(found))
	for i := range found {
		f := facts[found[i].ID]
		list[i] = postItemDTO{viewPost(&found[i]), f.Users, f.Departments, nil}
	}
	return &Page[postItemDTO]{total, list}, err
}

func (a *API) getPost(ctx context.Context, in *GetPostParams) (*postInfoDTO, error) {
	p, err := a.Directory.Post(ctx, poolOf(ctx), in.Code)
	return a.showPost(ctx, p, err)
}

// getPostByID takes one identifier, also as the only one of a list.
func (a *API) getPostByID(ctx context.Context, in *GetPostByIdListDto) (*postDTO, error) {
	ids, err := oneOrMany("idList", in.IDList)
	if err != nil || len(ids) != 1 {
		return nil, fault.Field("idList")
	}
	p, err := a.Directory.PostByID(ctx, poolOf(ctx), ids[0])
	if err != nil {
		return nil, err
	}
	d := viewPost(p)
	return &d, nil
}

// oneOrMany reads a list of texts that the contract calls a text, nil when there is none.
func oneOrMany(name string, v jsontext.Value) (list []string, err error) {
	switch {
	case v == nil:
		return nil, nil
	case v.Kind() == '"':
		list = []string{""}
		err = json.Unmarshal(v, &list[0])
	case v.Kind() == '[':
		list = []string{}
		err = json.Unmarshal(v, &list)
	default:
		err = fault.Field(name)
	}
	if err != nil {
		return nil, fault.Field(name)
	}
	return list, nil
}

func (in *CreatePostDto) post() (directory.NewPost, error) {
	departments, err := oneOrMany("departmentIdList", in.DepartmentIDList)
	return directory.NewPost{Code: in.Code, Name: in.Name, Description: value(in.Description), DepartmentIDs: departments}, err
}

// createPost chooses the identifier itself: the id of the request is for updates.
func (a *API) createPost(ctx context.Context, in *CreatePostDto) (*postInfoDTO, error) {
	n, err := in.post()
	if err != nil {
		return nil, err
	}
	p, err := a.Directory.CreatePost(ctx, poolOf(ctx), n)
	return a.showPost(ctx, p, err)
}

func (a *API) updatePost(ctx context.Context, in *CreatePostDto) (*postInfoDTO, error) {
	n, err := in.post()
	if err != nil {
		return nil, err
	}
	p, err := a.Directory.UpdatePost(ctx, poolOf(ctx), n)
	return a.showPost(ctx, p, err)
}

func (a *API) removePost(ctx context.Context, in *RemovePostDto) (struct{}, error) {
	return struct{}{}, a.Directory.DeletePost(ctx, poolOf(ctx), in.Code)
}

func (a *API) getUserPosts(ctx context.Context, in *GetUserPostsParams) ([]postDTO, error) {
	u, err := a.user(ctx, "", in.UserID)
	if err != nil {
		return nil, err
	}
	found, err := a.Directory.PostsOfUser(ctx, u.PoolID, u.ID)
	list := make([]postDTO, len(found))
	for i := range found {
		list[i] = viewPost(&found[i])
	}
	return list, err
}

// getUserPost is of the time when a user had one post: the first that they hold, or 404.
func (a *API) getUserPost(ctx context.Context, in *GetUserPostParams) (*postInfoDTO, error) {
	u, err := a.user(ctx, "", in.UserID)
	if err != nil {
		return nil, err
	}
	found, err := a.Directory.PostsOfUser(ctx, u.PoolID, u.ID)
	if err == nil && len(found) == 0 {
		err = directory.ErrPostNotFound
	}
	if err != nil {
		return nil, err
	}
	return a.showPost(ctx, &found[0], nil)
}

func (a *API) setUserPosts(ctx context.Context, in *SetUserPostsDto) (struct{}, error) {
	return struct{}{}, a.Directory.SetUserPosts(ctx, poolOf(ctx), directory.ByID(in.UserID), in.PostIDs)
}

// userConnectionPost gives a user one more post.
func (a *API) userConnectionPost(ctx context.Context, in *UserConnectionPostDto) (struct{}, error) {
	return struct{}{}, a.DB.Tx(ctx, func(ctx context.Context) error {
		u, err := a.user(ctx, "", in.UserID)
		if err != nil {
			return err
		}
		has, err := a.Directory.PostIDsOfUsers(ctx, u.PoolID, []string{u.ID})
		if err != nil || slices.Contains(has[u.ID], in.PostID) {
			return err
		}
		return a.Directory.SetUserPosts(ctx, u.PoolID, directory.ByID(u.ID), append(has[u.ID], in.PostID))
	})
}
