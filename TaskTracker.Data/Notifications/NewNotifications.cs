using System.Globalization;

namespace TaskTracker.Data.Notifications;

/// <summary>
/// How PostgreSQL tells of inserted notifications: a trigger on the table sends their numbers, some hundreds in one
/// NOTIFY, and they arrive when the insert has committed.
/// </summary>
public static class NewNotifications
{
    /// <summary>The channel of <c>LISTEN</c>; the trigger of the migration names it too.</summary>
    public const string Channel = "tasktracker_notifications";

    /// <summary>Reads a payload.</summary>
    /// <param name="payload">Numbers separated by commas; what is no number is passed over.</param>
    /// <returns>The numbers of notifications.</returns>
    public static IEnumerable<long> Parse(string payload)
    {
        foreach (var part in payload.Split(','))
        {
            if (long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                yield return id;
            }
        }
    }
}
