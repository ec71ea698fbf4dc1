using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace TaskTracker.Data.DataProtection;

/// <summary>Data protection's keys as rows.</summary>
internal sealed partial class DatabaseKeyRepository(IServiceScopeFactory scopes, ILogger<DatabaseKeyRepository> logger) : IXmlRepository
{
    private int _lastRead;

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var scope = scopes.CreateScope();
        var rows = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>()
            .DataProtectionKeys.AsNoTracking().OrderBy(key => key.Id).ToList();
        _lastRead = rows.Count > 0 ? rows[^1].Id : 0;

        return [.. rows.Select(row => XElement.Parse(row.Xml))];
    }

    /// <summary>
    /// Stores a key, unless another replica has stored one since this one looked: of two replicas that start on an empty
    /// database at the same moment both make a key, and each would seal tokens that the other does not know yet. Data
    /// protection reads again after storing, and then finds the other's.
    /// </summary>
    public void StoreElement(XElement element, string friendlyName)
    {
        using var scope = scopes.CreateScope();
        var db = scope.ServiceProvider.GetRequiredService<TaskTrackerDbContext>();
        db.Database.CreateExecutionStrategy().Execute(() =>
        {
            db.ChangeTracker.Clear();
            using var transaction = db.Database.BeginTransaction();
            db.Database.ExecuteSql($"lock table data_protection_keys in share row exclusive mode");
            if (element.Name == "key" && db.DataProtectionKeys.Any(key => key.Id > _lastRead))
            {
                LogOthersKey(logger);
            }
            else if (!db.DataProtectionKeys.Any(key => key.FriendlyName == friendlyName))
            {
                db.DataProtectionKeys.Add(new DataProtectionKey
                {
                    FriendlyName = friendlyName,
                    Xml = element.ToString(SaveOptions.DisableFormatting),
                });
                db.SaveChanges();
            }

            transaction.Commit();
        });
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Another replica has just made a key: it is used")]
    private static partial void LogOthersKey(ILogger logger);
}
