using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;

namespace TaskTracker.Api.Accounts;

/// <summary>
/// Checks a name and a password. An unknown user, a wrong password, a locked and a closed account take the same steps
/// and the same statements, so that neither the answer nor its time tells them apart.
/// </summary>
internal sealed class LogIn(
    TaskTrackerDbContext db,
    ILookupNormalizer normalizer,
    IPasswordHasher<User> hasher,
    DecoyPassword decoy,
    IOptions<IdentityOptions> options,
    TimeProvider clock)
{
    public async Task<User?> CheckAsync(string name, string password, CancellationToken cancellationToken)
    {
        var (normalizedName, normalizedEmail) = (normalizer.NormalizeName(name), normalizer.NormalizeEmail(name.Trim()));
        var user = await db.Users.AsNoTracking().FirstOrDefaultAsync(
            user => user.NormalizedUserName == normalizedName || user.NormalizedEmail == normalizedEmail, cancellationToken);

        var verified = hasher.VerifyHashedPassword(decoy.User, user?.PasswordHash ?? decoy.Hash, password);
        var now = clock.GetUtcNow();
        var mayLogIn = user is { IsActive: true } && !(user.LockoutEnabled && user.LockoutEnd > now);
        if (user is null || !mayLogIn || verified == PasswordVerificationResult.Failed)
        {
            await CountFailureAsync(mayLogIn ? user!.Id : 0, now, cancellationToken);
            return null;
        }

        if (user.AccessFailedCount > 0 || verified == PasswordVerificationResult.SuccessRehashNeeded)
        {
            var hash = verified == PasswordVerificationResult.SuccessRehashNeeded ? hasher.HashPassword(user, password) : user.PasswordHash;
            await db.Users.Where(u => u.Id == user.Id && u.PasswordHash == user.PasswordHash).ExecuteUpdateAsync(
                set => set.SetProperty(u => u.AccessFailedCount, 0).SetProperty(u => u.PasswordHash, hash), cancellationToken);
        }

        return user;
    }

    // One statement, so that guesses made at the same moment all count. Nobody has the number zero.
    private Task<int> CountFailureAsync(int userId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var lockout = options.Value.Lockout;
        DateTimeOffset? until = now + lockout.DefaultLockoutTimeSpan;

        return db.Users.Where(user => user.Id == userId).ExecuteUpdateAsync(
            set => set
                .SetProperty(user => user.LockoutEnd, user => user.AccessFailedCount + 1 >= lockout.MaxFailedAccessAttempts ? until : user.LockoutEnd)
                .SetProperty(user => user.AccessFailedCount, user => user.AccessFailedCount + 1 >= lockout.MaxFailedAccessAttempts ? 0 : user.AccessFailedCount + 1),
            cancellationToken);
    }
}

/// <summary>A password that nobody has, to be checked in the place of an unknown user's.</summary>
internal sealed class DecoyPassword(IPasswordHasher<User> hasher)
{
    public User User { get; } = new();

    public string Hash { get; } = hasher.HashPassword(new User(), Guid.NewGuid().ToString());
}
