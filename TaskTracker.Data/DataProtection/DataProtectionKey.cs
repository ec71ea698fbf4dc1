using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.DataProtection;

/// <summary>A key of ASP.NET Core's data protection, as the XML it is kept in.</summary>
public sealed class DataProtectionKey
{
    /// <summary>The key's number.</summary>
    public int Id { get; set; }

    /// <summary>The name data protection gave it, unique.</summary>
    public required string FriendlyName { get; set; }

    /// <summary>The key, encrypted in Production.</summary>
    public required string Xml { get; set; }
}

internal sealed class DataProtectionKeyConfiguration : IEntityTypeConfiguration<DataProtectionKey>
{
    public void Configure(EntityTypeBuilder<DataProtectionKey> key)
    {
        key.ToTable("data_protection_keys");
        key.HasIndex(k => k.FriendlyName).IsUnique();
    }
}
