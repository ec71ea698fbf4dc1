using Microsoft.EntityFrameworkCore;
using Npgsql;
using TaskTracker.Data;

namespace TaskTracker.Tests.Data;

/// <summary>Migrations are written by hand, without a snapshot of the model: this is what keeps the two together.</summary>
public sealed class ModelAndSchemaTests
{
    [Fact]
    public async Task The_tables_have_exactly_the_columns_of_the_model()
    {
        var connectionString = await Servers.CreateDatabaseAsync();
        var options = new DbContextOptionsBuilder<TaskTrackerDbContext>()
            .UseNpgsql(connectionString)
            .ConfigureWarnings(warnings => warnings.Ignore(Microsoft.EntityFrameworkCore.Diagnostics.RelationalEventId.PendingModelChangesWarning))
            .Options;
        await using var db = new TaskTrackerDbContext(options);
        await db.Database.MigrateAsync();

        // PostgreSQL has xmin in every table and lists it in none.
        var expected =
            from entity in db.Model.GetEntityTypes()
            from property in entity.GetProperties()
            where property.GetColumnName() != "xmin"
            select Describe(entity.GetTableName()!, property.GetColumnName(), property.GetColumnType(), property.IsNullable);

        Assert.Equal(expected.Order(StringComparer.Ordinal), await ColumnsAsync(connectionString));
    }

    private static async Task<IEnumerable<string>> ColumnsAsync(string connectionString)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var command = database.CreateCommand(
            """
            select relname::text, attname::text, format_type(atttypid, atttypmod), not attnotnull
            from pg_attribute join pg_class on pg_class.oid = attrelid
            where relkind = 'r' and relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
                and relname <> '__EFMigrationsHistory'
            """);
        await using var reader = await command.ExecuteReaderAsync();

        var columns = new List<string>();
        while (await reader.ReadAsync())
        {
            columns.Add(Describe(reader.GetString(0), reader.GetString(1), reader.GetString(2), reader.GetBoolean(3)));
        }

        return columns.Order(StringComparer.Ordinal);
    }

    private static string Describe(string table, string column, string type, bool isNullable) =>
        $"{table}.{column} {type}{(isNullable ? "" : " not null")}";
}
