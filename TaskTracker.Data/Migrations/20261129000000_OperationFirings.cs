using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace TaskTracker.Data.Migrations;

/// <summary>Which firing is at work on an operation.</summary>
[DbContext(typeof(TaskTrackerDbContext))]
[Migration("20261129000000_OperationFirings")]
public sealed class OperationFirings : Migration
{
    /// <inheritdoc />
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("alter table operations add fire_instance_id text;");

    /// <inheritdoc />
    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("alter table operations drop fire_instance_id;");
}
