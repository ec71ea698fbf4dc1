@description('Where the server is.')
param location string

@description('Tags of every resource.')
param tags object

@description('The size; it also decides how many connections there may be.')
param sku string

@description('The owner\'s password.')
@secure()
param password string

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2024-08-01' = {
  name: 'psql-${uniqueString(resourceGroup().id)}'
  location: location
  tags: tags
  sku: {
    name: sku
    tier: startsWith(sku, 'Standard_B') ? 'Burstable' : 'GeneralPurpose'
  }
  properties: {
    version: '17'
    administratorLogin: 'tasktracker'
    administratorLoginPassword: password
    authConfig: {
      activeDirectoryAuth: 'Disabled'
      passwordAuth: 'Enabled'
    }
    storage: {
      storageSizeGB: 32
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: 14
      geoRedundantBackup: 'Disabled'
    }
    highAvailability: {
      mode: 'Disabled'
    }
    network: {
      publicNetworkAccess: 'Enabled'
    }
  }

  resource database 'databases' = {
    name: 'tasktracker'
    properties: {
      charset: 'UTF8'
      collation: 'C'
    }
  }

  // Everything inside Azure may knock; TLS and a password are asked for. docs/deployment.md says how to close this with a network.
  resource azure 'firewallRules' = {
    name: 'AllowAzure'
    properties: {
      startIpAddress: '0.0.0.0'
      endIpAddress: '0.0.0.0'
    }
  }
}

output host string = server.properties.fullyQualifiedDomainName
