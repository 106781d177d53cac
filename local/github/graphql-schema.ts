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
  defaultBranchRef: Ref
  ref(qualifiedName: String!): Ref
  object(oid: GitObjectID, expression: String): GitObject
}
type Ref { id: ID!, name: String!, prefix: String!, target: GitObject }
interface GitObject { oid: GitObjectID!, id: ID! }
type Commit implements GitObject { oid: GitObjectID!, id: ID!, message: String!, url: URI!, committedDate: DateTime! }
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
