// Source
export { rest } from './source/rest.ts'
export type {
  RestBatch,
  RestOffset,
  RestPartition,
  RestStream,
  WithoutPositions,
  WithPositions,
} from './source/rest-source.ts'
export type { RestOptions } from './source/options.ts'
export type { JsonItem, ResourceOptions } from './source/resource.ts'
export type { EpochUnit } from '../records/item-values.ts'

// What is new, and how it is cut
export type { ColumnOf, CursorOptions } from './source/cursor-options.ts'
export type { Partitioning } from './source/partitioning.ts'
export { byIds, type IdOptions } from './source/by-ids.ts'
export { byTime, type TimeWindowOptions } from './source/by-time.ts'
export { byItems, type ItemsOptions } from './source/by-items.ts'
export type { ListItem } from './source/listed.ts'
export { byParent, type ParentOptions } from './source/by-parent.ts'
export type { Fields } from './source/fields.ts'
export type { Placing, RangePlacing } from './source/placing.ts'
export type { Question } from './source/question.ts'

// Pagination
export { type AutomaticOptions, automatic } from './pagination/automatic.ts'
export { type CursorOptions as CursorPaginationOptions, cursorPagination } from './pagination/cursor.ts'
export { type LinkHeaderOptions, linkHeader } from './pagination/link-header.ts'
export { type NextUrlOptions, nextUrl } from './pagination/next-url.ts'
export { type OffsetLimitOptions, offsetLimit } from './pagination/offset-limit.ts'
export { type PageNumberOptions, pageNumber } from './pagination/page-number.ts'
export { singlePage } from './pagination/single-page.ts'
export type { FollowOptions } from './pagination/follow.ts'
export type { Field } from './pagination/field.ts'
export type { Place } from './pagination/place.ts'
export type { RunLimits } from './pagination/run-guard.ts'
export type { Page, PageEnd, PageState, Pagination } from './pagination/types.ts'

// Bodies
export type { CsvOptions } from './records/csv.ts'
export type { Format } from './records/format.ts'
export type { PageOptions } from './records/page-options.ts'
export type { Path } from './records/path.ts'
export type { Records } from './records/records.ts'

// Who asks
export { type ApiKeyOptions, apiKey } from './auth/api-key.ts'
export { type BasicOptions, basic } from './auth/basic.ts'
export { bearer } from './auth/bearer.ts'
export { type ClientCertificateOptions, clientCertificate } from './auth/client-certificate.ts'
export {
  type CredentialPlaces,
  type CredentialStep,
  credentials,
  explicitFirst,
  providerFirst,
} from './auth/credentials.ts'
export { type JwtBearerOptions, jwtBearer } from './auth/jwt-bearer.ts'
export { type OAuth2ClientCredentialsOptions, oauth2ClientCredentials } from './auth/oauth2-client-credentials.ts'
export { type OAuth2RefreshTokenOptions, oauth2RefreshToken } from './auth/oauth2-refresh-token.ts'
export { type PrivateKeyJwt, type PrivateKeyJwtOptions, privateKeyJwt } from './auth/private-key-jwt.ts'
export type { SigningAlgorithm } from './auth/assertion.ts'
export type { Secret } from './auth/secret.ts'

// Sink
export { type HttpSink, type HttpSinkRow, httpSink } from './sink/sink.ts'
export type { HttpSinkOptions, Idempotency, SinkFormat } from './sink/options.ts'
export type { HttpMessage } from './sink/request-writer.ts'
export type { RefusedRow } from './sink/refused-row.ts'
export type { RowFailure, SinkAnswer } from './sink/row-errors.ts'

// Staying alive
export {
  type BudgetLimit,
  type BudgetOptions,
  type QuotaReader,
  type RequestBudget,
  requestBudget,
} from './http/budget.ts'
export { HttpError, type HttpFailure } from './http/http-error.ts'
export type { ClientOptions, TimeoutOptions } from './http/options.ts'
export type { FilterAction, ResponseFilter } from './http/response-filters.ts'
export type { TlsOptions } from './http/tls.ts'
export type {
  Authorization,
  HttpClient,
  HttpRequest,
  HttpResponse,
  OutgoingRequest,
  ParamValue,
  RequestBody,
  SendOptions,
} from './http/types.ts'
export { httpClient } from './http/client.ts'
