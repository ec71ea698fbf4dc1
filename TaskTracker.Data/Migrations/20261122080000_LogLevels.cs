using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace TaskTracker.Data.Migrations;

/// <summary>Log levels that operators change while the services run.</summary>
[DbContext(typeof(TaskTrackerDbContext))]
[Migration("20261122080000_LogLevels")]
public sealed class LogLevels : Migration
{
    /// <inheritdoc />
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        create table log_levels (
            service varchar(20) not null,
            category varchar(200) not null,
            level varchar(20) not null,
            expires_at timestamptz not null,
            primary key (service, category)
        );
        """);

    /// <inheritdoc />
    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("drop table log_levels;");
}
