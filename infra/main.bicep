// What azd provisions: the surroundings it would make for an Aspire manifest itself, and the managed PostgreSQL. The apps are
// deployed from TaskTracker.AppHost/infra/*.tmpl.yaml; the cache, which has none there, as the manifest describes it.
targetScope = 'subscription'

@description('The azd environment; the resource group is named after it.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Where everything is.')
@minLength(1)
param location string

@description('Who runs azd: may see the Aspire dashboard.')
param principalId string = ''

@description('The connection string of a PostgreSQL server of your own, in the form of Npgsql. Without one a managed server is made.')
@secure()
param tasktracker string = ''

@description('The size of the managed PostgreSQL server.')
param postgresSku string = 'Standard_B2s'

@description('The password of the managed PostgreSQL server\'s owner.')
@metadata({ azd: { type: 'generate', config: { length: 32, noSpecial: true, minLower: 4, minUpper: 4, minNumeric: 4 } } })
@secure()
param postgres_password string

@description('The password of the database user that the API connects as.')
@metadata({ azd: { type: 'generate', config: { length: 32, noSpecial: true } } })
@secure()
#disable-next-line no-unused-params // azd makes it here, and the templates ask for it.
param api_database_password string

@description('The password of the cache.')
@metadata({ azd: { type: 'generate', config: { length: 22, noSpecial: true } } })
@secure()
#disable-next-line no-unused-params // azd makes it here, and the templates ask for it.
param cache_password string

@description('43 characters of Base64, which encrypt the keys behind access tokens.')
@metadata({ azd: { type: 'generate', config: { length: 43, noSpecial: true } } })
@secure()
#disable-next-line no-unused-params // azd makes it here, and the templates ask for it.
param data_protection_key string

var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2022-09-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module resources 'resources.bicep' = {
  scope: group
  name: 'resources'
  params: {
    location: location
    tags: tags
    principalId: principalId
  }
}

module postgres 'postgres.bicep' = if (empty(tasktracker)) {
  scope: group
  name: 'postgres'
  params: {
    location: location
    tags: tags
    sku: postgresSku
    password: postgres_password
  }
}

output MANAGED_IDENTITY_CLIENT_ID string = resources.outputs.MANAGED_IDENTITY_CLIENT_ID
output MANAGED_IDENTITY_NAME string = resources.outputs.MANAGED_IDENTITY_NAME
output AZURE_LOG_ANALYTICS_WORKSPACE_NAME string = resources.outputs.AZURE_LOG_ANALYTICS_WORKSPACE_NAME
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = resources.outputs.AZURE_CONTAINER_REGISTRY_ENDPOINT
output AZURE_CONTAINER_REGISTRY_MANAGED_IDENTITY_ID string = resources.outputs.AZURE_CONTAINER_REGISTRY_MANAGED_IDENTITY_ID
output AZURE_CONTAINER_REGISTRY_NAME string = resources.outputs.AZURE_CONTAINER_REGISTRY_NAME
output AZURE_CONTAINER_APPS_ENVIRONMENT_NAME string = resources.outputs.AZURE_CONTAINER_APPS_ENVIRONMENT_NAME
output AZURE_CONTAINER_APPS_ENVIRONMENT_ID string = resources.outputs.AZURE_CONTAINER_APPS_ENVIRONMENT_ID
output AZURE_CONTAINER_APPS_ENVIRONMENT_DEFAULT_DOMAIN string = resources.outputs.AZURE_CONTAINER_APPS_ENVIRONMENT_DEFAULT_DOMAIN
#disable-next-line outputs-should-not-contain-secrets // It says no more than whether there is one.
output TASKTRACKER_POSTGRES_HOST string = empty(tasktracker) ? postgres!.outputs.host : ''
