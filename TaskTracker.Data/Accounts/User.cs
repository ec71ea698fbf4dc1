using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Accounts;

/// <summary>Somebody who has tasks.</summary>
public sealed class User : IdentityUser<int>
{
    /// <summary>The longest user name, in characters.</summary>
    public const int UserNameMaxLength = 64;

    /// <summary>The longest e-mail address, in characters (RFC 5321, section 4.5.3.1.3, less the angle brackets).</summary>
    public const int EmailMaxLength = 254;

    /// <summary>False once an administrator has closed the account; it then can neither log in nor refresh.</summary>
    public bool IsActive { get; set; } = true;

    /// <summary>What the account may do beside its own tasks.</summary>
    public UserRole Role { get; set; }

    /// <summary>When the account was registered, in UTC.</summary>
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>What an account may do beside its own tasks.</summary>
public enum UserRole
{
    /// <summary>Nothing.</summary>
    User,

    /// <summary>Read the operations API.</summary>
    Operator,

    /// <summary>Read the operations API and act by it.</summary>
    Admin,
}

internal sealed class UserConfiguration : IEntityTypeConfiguration<User>
{
    public void Configure(EntityTypeBuilder<User> user)
    {
        user.ToTable("users");
        user.Property(u => u.ConcurrencyStamp).IsConcurrencyToken();
        user.Property(u => u.UserName).HasMaxLength(User.UserNameMaxLength).IsRequired();
        user.Property(u => u.NormalizedUserName).HasMaxLength(User.UserNameMaxLength).IsRequired();
        user.Property(u => u.Email).HasMaxLength(User.EmailMaxLength).IsRequired();
        user.Property(u => u.NormalizedEmail).HasMaxLength(User.EmailMaxLength).IsRequired();
        user.Property(u => u.Role).HasConversion(
            role => role.ToString().ToLowerInvariant(),
            text => Enum.Parse<UserRole>(text, ignoreCase: true));
        user.Ignore(u => u.PhoneNumber);
        user.Ignore(u => u.PhoneNumberConfirmed);
        user.Ignore(u => u.TwoFactorEnabled);
        user.Ignore(u => u.EmailConfirmed);
    }
}
