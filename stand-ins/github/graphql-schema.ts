/** The part of GitHub's GraphQL schema that this stand-in carries out, names and nullability as GitHub's. */
export const GRAPHQL_SCHEMA = `
scalar GitObjectID
scalar GitRefname
scalar Base64String
scalar DateTime
scalar URI

type Query {
  repository(owner: String!, name: String!, followRenames: Boolean = true): Repository
  viewer: Viewer!
  rateLimit: RateLimit
}
type Viewer { login: String! }
type RateLimit { limit: Int!, remaining: Int!, used: Int!, cost: Int!, resetAt: DateTime! }
type Repository {
  id: ID!
  databaseId: Int
  name: String!
  nameWithOwner: String!
  url: URI!
  isPrivate: Boolean!
  isArchived: Boolean!
  defaultBranchRef: Ref
  ref(qualifiedName: String!): Ref
  object(oid: GitObjectID, expression: String): GitObject
  pullRequests(
    first: Int, after: String, last: Int, states: [PullRequestState!], headRefName: String, baseRefName: String,
    orderBy: IssueOrder
  ): PullRequestConnection!
  pullRequest(number: Int!): PullRequest
}
enum PullRequestState { OPEN, CLOSED, MERGED }
enum IssueOrderField { CREATED_AT, UPDATED_AT, COMMENTS }
enum OrderDirection { ASC, DESC }
input IssueOrder { field: IssueOrderField!, direction: OrderDirection! }
enum CommentAuthorAssociation { MEMBER, OWNER, MANNEQUIN, COLLABORATOR, CONTRIBUTOR, FIRST_TIME_CONTRIBUTOR, FIRST_TIMER, NONE }
enum MergeStateStatus { DIRTY, UNKNOWN, BLOCKED, BEHIND, DRAFT, UNSTABLE, HAS_HOOKS, CLEAN }
enum MergeableState { MERGEABLE, CONFLICTING, UNKNOWN }
enum PullRequestMergeMethod { MERGE, SQUASH, REBASE }
type AutoMergeRequest { mergeMethod: PullRequestMergeMethod! }
type PageInfo { endCursor: String, hasNextPage: Boolean!, hasPreviousPage: Boolean!, startCursor: String }
type PullRequestConnection { nodes: [PullRequest], pageInfo: PageInfo!, totalCount: Int! }
interface Actor { login: String! }
type User implements Actor { login: String! }
type Bot implements Actor { login: String! }
type PullRequest {
  author: Actor
  id: ID!
  number: Int!
  url: URI!
  state: PullRequestState!
  title: String!
  body: String!
  isDraft: Boolean!
  isInMergeQueue: Boolean!
  isMergeQueueEnabled: Boolean!
  autoMergeRequest: AutoMergeRequest
  mergeStateStatus: MergeStateStatus!
  mergeable: MergeableState!
  isCrossRepository: Boolean!
  headRefName: String!
  headRefOid: GitObjectID!
  baseRefName: String!
  createdAt: DateTime!
  updatedAt: DateTime!
  closedAt: DateTime
  mergedAt: DateTime
  mergeCommit: Commit
  commits(first: Int, last: Int): PullRequestCommitConnection!
  comments(first: Int, last: Int): IssueCommentConnection!
}
type PullRequestCommitConnection { nodes: [PullRequestCommit], totalCount: Int! }
type PullRequestCommit { commit: Commit! }
type CommitConnection { nodes: [Commit], totalCount: Int! }
type IssueCommentConnection { nodes: [IssueComment], totalCount: Int! }
type IssueComment { body: String!, createdAt: DateTime!, authorAssociation: CommentAuthorAssociation! }
type Ref { id: ID!, name: String!, prefix: String!, target: GitObject }
interface GitObject { oid: GitObjectID!, id: ID! }
type Commit implements GitObject {
  oid: GitObjectID!
  id: ID!
  message: String!
  url: URI!
  committedDate: DateTime!
  parents(first: Int, last: Int): CommitConnection!
}
type Tree implements GitObject { oid: GitObjectID!, id: ID! }
type Blob implements GitObject { oid: GitObjectID!, id: ID!, byteSize: Int!, text: String, isBinary: Boolean }
type Tag implements GitObject { oid: GitObjectID!, id: ID! }

type Mutation {
  updateRefs(input: UpdateRefsInput!): UpdateRefsPayload
  createCommitOnBranch(input: CreateCommitOnBranchInput!): CreateCommitOnBranchPayload
}
input RefUpdate { name: GitRefname!, afterOid: GitObjectID!, beforeOid: GitObjectID, force: Boolean = false }
input UpdateRefsInput { repositoryId: ID!, refUpdates: [RefUpdate!]!, clientMutationId: String }
type UpdateRefsPayload { clientMutationId: String }
input CommittableBranch { id: ID, repositoryNameWithOwner: String, branchName: String }
input CommitMessage { headline: String!, body: String }
input FileAddition { path: String!, contents: Base64String! }
input FileDeletion { path: String! }
input FileChanges { additions: [FileAddition!] = [], deletions: [FileDeletion!] = [] }
input CreateCommitOnBranchInput {
  branch: CommittableBranch!
  message: CommitMessage!
  expectedHeadOid: GitObjectID!
  fileChanges: FileChanges
  clientMutationId: String
}
type CreateCommitOnBranchPayload { clientMutationId: String, commit: Commit, ref: Ref }
`;
